//! Spaces by name, and the addresses under which they are opened.

use crate::shared::Names;
use crate::{Builder, Error, Space};

/// The named spaces of a process: one space per name, each opening another handle.
///
/// A binding keeps one in a `static`. A named space ends when its last handle is closed; opening the name again then
/// makes a new one.
///
/// # Examples
///
/// ```
/// use latchwork::{Registry, Space};
///
/// static SPACES: Registry = Registry::new();
///
/// # futures::executor::block_on(async {
/// let here = SPACES.open("orders", Space::builder);
/// let there = SPACES.open("orders", Space::builder);
/// let _guard = here.lock(7).await?;
/// assert!(there.try_lock(7).await?.is_none());
/// # Ok::<_, latchwork::Error>(()) }).unwrap();
/// ```
#[derive(Debug, Default)]
pub struct Registry(Names);

impl Registry {
    /// A registry without spaces.
    pub const fn new() -> Registry {
        Registry(Names::new())
    }

    /// A handle on the space called `name`; `make` says with what settings it is made, if it has to be.
    pub fn open(&self, name: &str, make: impl FnOnce() -> Builder) -> Space {
        let mut made = None;
        let mut make = Some(make);
        loop {
            let found = self.0.find(name);
            if let Some(space) = found.clone().and_then(Space::another) {
                return space;
            }
            if let Some(make) = make.take() {
                made = Some(make().build());
            }
            // If somebody else made it meanwhile, theirs is found in the next round, and ours is dropped.
            if let Some(space) = made.take_if(|made| self.0.replace(name, found.as_ref(), &made.engine().shared)) {
                return space;
            }
        }
    }
}

/// What the address of a space says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Url<'a> {
    /// No address: a space of its own, in memory.
    Private,
    /// `memory:NAME`: one space per process and name.
    Memory(&'a str),
}

impl<'a> Url<'a> {
    /// Reads an address.
    ///
    /// # Errors
    ///
    /// [`Invalid`](crate::ErrorKind::Invalid) when there is no such kind of space, or the name is empty.
    pub fn parse(url: Option<&'a str>) -> Result<Url<'a>, Error> {
        let Some(url) = url else {
            return Ok(Url::Private);
        };
        match url.strip_prefix("memory:") {
            Some("") => Err(Error::invalid("url", "the name after \"memory:\" is empty")),
            Some(name) => Ok(Url::Memory(name)),
            None => Err(Error::invalid("url", format!("is not \"memory:NAME\": url={url:?}"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_space_until_its_last_handle_is_closed() {
        let spaces = Registry::new();
        let first = spaces.open("a", || Space::builder().epoch(1));
        let second = spaces.open("a", || Space::builder().epoch(2));
        let other = spaces.open("b", || Space::builder().epoch(3));
        assert_eq!((first.epoch(), second.epoch(), other.epoch()), (1, 1, 3));
        first.close();
        assert!(!second.is_closed());
        assert_eq!(spaces.open("a", || Space::builder().epoch(4)).epoch(), 1);
        second.close();
        // The handle opened in between was dropped without being closed: dropping ends it too.
        assert_eq!(spaces.open("a", || Space::builder().epoch(5)).epoch(), 5);
    }

    #[test]
    fn an_address_is_read_or_refused() {
        assert_eq!(Url::parse(None).expect("private"), Url::Private);
        assert_eq!(Url::parse(Some("memory:orders")).expect("named"), Url::Memory("orders"));
        for bad in ["", "memory:", "memory", "orders", "MEMORY:orders", "file:x"] {
            let error = Url::parse(Some(bad)).expect_err(bad);
            assert_eq!(error.what(), Some("url"), "{bad:?}");
        }
    }
}
