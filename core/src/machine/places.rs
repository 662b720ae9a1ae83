//! Values at places, which are used again.
//!
//! What waits is written down and taken out again at once, many times over. So a value is written where it stays, and
//! [given up](Places::discard) where it lies: moved through other places, it would be read in wider pieces than it was just
//! written in, for which a processor waits.

use std::ops::{Index, IndexMut};

/// Values by place. The place that was vacated last is the next one taken.
pub(super) struct Places<T> {
    all: Vec<Place<T>>,
    /// The first vacant place; one past the last place where there is none.
    vacant: u32,
    taken: u32,
}

enum Place<T> {
    Taken(T),
    /// The next vacant place.
    Vacant(u32),
}

impl<T> Places<T> {
    /// The place that the next value will get.
    #[inline]
    pub(super) fn vacant(&self) -> u32 {
        self.vacant
    }

    /// Puts a value into a vacant place.
    #[inline]
    pub(super) fn insert(&mut self, value: T) -> u32 {
        self.insert_with(|| value)
    }

    /// As `insert`; the value is made in its place.
    #[inline(always)]
    pub(super) fn insert_with(&mut self, value: impl FnOnce() -> T) -> u32 {
        let at = self.vacant;
        if at as usize == self.all.len() {
            self.all.push(Place::Vacant(at + 1));
        }
        if let Some(place) = self.all.get_mut(at as usize)
            && let Place::Vacant(next) = *place
        {
            // Nothing is dropped: with something to drop here, the value would be made elsewhere and moved.
            std::mem::forget(std::mem::replace(place, Place::Taken(value())));
            (self.vacant, self.taken) = (next, self.taken + 1);
        }
        at
    }

    /// Takes a value out of its place.
    #[inline]
    pub(super) fn remove(&mut self, at: u32) -> Option<T> {
        let place = self.all.get_mut(at as usize).filter(|place| matches!(place, Place::Taken(_)))?;
        let value = std::mem::replace(place, Place::Vacant(self.vacant));
        self.vacate(at);
        match value {
            Place::Taken(value) => Some(value),
            Place::Vacant(_) => None,
        }
    }

    /// Drops a value in its place.
    #[inline]
    pub(super) fn discard(&mut self, at: u32) {
        if let Some(place @ Place::Taken(_)) = self.all.get_mut(at as usize) {
            *place = Place::Vacant(self.vacant);
            self.vacate(at);
        }
    }

    #[inline]
    pub(super) fn get(&self, at: u32) -> Option<&T> {
        match self.all.get(at as usize) {
            Some(Place::Taken(value)) => Some(value),
            _ => None,
        }
    }

    #[inline]
    pub(super) fn get_mut(&mut self, at: u32) -> Option<&mut T> {
        match self.all.get_mut(at as usize) {
            Some(Place::Taken(value)) => Some(value),
            _ => None,
        }
    }

    /// All values, with their places, in the order of these.
    #[inline]
    pub(super) fn iter(&self) -> impl Iterator<Item = (u32, &T)> {
        (0..).zip(&self.all).filter_map(|(at, place)| match place {
            Place::Taken(value) => Some((at, value)),
            Place::Vacant(_) => None,
        })
    }

    #[inline]
    pub(super) fn len(&self) -> usize {
        self.taken as usize
    }

    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.taken == 0
    }

    /// How many values there is room for.
    #[inline]
    pub(super) fn room(&self) -> usize {
        self.all.capacity()
    }

    /// Forgets all places; the room stays.
    pub(super) fn clear(&mut self) {
        self.all.clear();
        (self.vacant, self.taken) = (0, 0);
    }

    #[inline]
    fn vacate(&mut self, at: u32) {
        self.vacant = at;
        self.taken -= 1;
    }
}

impl<T> Default for Places<T> {
    fn default() -> Places<T> {
        Places { all: Vec::new(), vacant: 0, taken: 0 }
    }
}

impl<T> Index<u32> for Places<T> {
    type Output = T;

    #[inline]
    fn index(&self, at: u32) -> &T {
        self.get(at).expect("whoever names a place has put a value there")
    }
}

impl<T> IndexMut<u32> for Places<T> {
    #[inline]
    fn index_mut(&mut self, at: u32) -> &mut T {
        self.get_mut(at).expect("whoever names a place has put a value there")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_used_again() {
        let mut places = Places::default();
        let [a, b, c] = ["a", "b", "c"].map(|name| places.insert(name.to_owned()));
        assert_eq!((a, b, c, places.vacant(), places.len()), (0, 1, 2, 3, 3));
        assert_eq!(places.remove(a).as_deref(), Some("a"));
        places.discard(c);
        assert_eq!((places.remove(c), places.get(a), places.len()), (None, None, 1));
        places.discard(c);
        assert_eq!(places.insert("d".to_owned()), c);
        assert_eq!(places.insert("e".to_owned()), a);
        assert_eq!(places.vacant(), 3);
        places[b].push('!');
        let all: Vec<_> = places.iter().map(|(at, value)| (at, value.as_str())).collect();
        assert_eq!(all, [(0, "e"), (1, "b!"), (2, "d")]);
        for at in 0..3 {
            places.discard(at);
        }
        assert!(places.is_empty() && places.room() >= 3);
        places.clear();
        assert_eq!(places.vacant(), 0);
    }
}
