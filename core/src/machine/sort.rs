//! Sorting in little code: a general sort takes some five kilobytes for every type that it is made for, which a page has
//! to load.

use std::cmp::Ordering;

/// So many are sorted by insertion, which is quicker for few.
const FEW: usize = 16;

/// Sorts; equal items come in any order.
pub(crate) fn sort_by<T>(items: &mut [T], compare: impl Fn(&T, &T) -> Ordering) {
    let goes_before = |a: &T, b: &T| compare(a, b) == Ordering::Less;
    if items.len() <= FEW {
        for end in 1..items.len() {
            let mut at = end;
            while at > 0 && goes_before(&items[at], &items[at - 1]) {
                items.swap(at - 1, at);
                at -= 1;
            }
        }
        return;
    }
    // A heap of all, the last at its top; then one after the other goes from the top to the end.
    let mut top = items.len() / 2;
    let mut end = items.len();
    while end > 1 {
        if top > 0 {
            top -= 1;
        } else {
            end -= 1;
            items.swap(0, end);
        }
        let mut at = top;
        loop {
            let mut child = 2 * at + 1;
            if child + 1 < end && goes_before(&items[child], &items[child + 1]) {
                child += 1;
            }
            if child >= end || !goes_before(&items[at], &items[child]) {
                break;
            }
            items.swap(at, child);
            at = child;
        }
    }
}

/// Sorts, and leaves one of equal items.
pub(crate) fn sort_and_dedup<T: Ord>(items: &mut Vec<T>) {
    sort_by(items, T::cmp);
    items.dedup();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_length_is_sorted_as_by_the_library() {
        let mut mixed = 1_u32;
        for length in (0..100).step_by(if cfg!(miri) { 9 } else { 1 }) {
            let mut items: Vec<u32> = Vec::new();
            for _ in 0..length {
                mixed = mixed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                items.push(mixed >> 26);
            }
            let mut expected = items.clone();
            expected.sort_unstable();
            sort_by(&mut items, u32::cmp);
            assert_eq!(items, expected);
            expected.dedup();
            sort_and_dedup(&mut items);
            assert_eq!(items, expected);
        }
        let mut falling: Vec<u32> = (0..if cfg!(miri) { 3 * FEW as u32 } else { 1_000 }).rev().collect();
        sort_by(&mut falling, u32::cmp);
        assert!(falling.is_sorted());
    }
}
