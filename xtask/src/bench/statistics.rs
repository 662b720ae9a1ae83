//! Medians: what a few disturbed rounds cannot move.

/// The middle of some numbers, and where their middle half begins and ends.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Spread {
    pub(super) low: f64,
    pub(super) median: f64,
    pub(super) high: f64,
}

/// The spread of the numbers; `None` if there are none, or one of them is no number.
pub(super) fn spread(numbers: impl IntoIterator<Item = f64>) -> Option<Spread> {
    let mut sorted: Vec<f64> = numbers.into_iter().collect();
    if sorted.is_empty() || sorted.iter().any(|number| !number.is_finite()) {
        return None;
    }
    sorted.sort_by(f64::total_cmp);
    Some(Spread { low: at(&sorted, 0.25), median: at(&sorted, 0.5), high: at(&sorted, 0.75) })
}

/// What stands at this share of the sorted numbers, between two of them where it falls there.
fn at(sorted: &[f64], share: f64) -> f64 {
    let place = share * (sorted.len() - 1) as f64;
    let (below, above) = (sorted[place.floor() as usize], sorted[place.ceil() as usize]);
    below + (above - below) * place.fract()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle_in_any_order() {
        assert_eq!(spread([3.0, 1.0, 2.0]).unwrap().median, 2.0);
        assert_eq!(spread([4.0, 1.0, 2.0, 3.0]).unwrap().median, 2.5);
        assert_eq!(spread([7.0]).unwrap(), Spread { low: 7.0, median: 7.0, high: 7.0 });
    }

    #[test]
    fn a_few_wild_rounds_do_not_move_it() {
        let calm = spread([1.0, 1.1, 0.9, 1.0, 1.0, 1.05, 0.95]).unwrap();
        let wild = spread([1.0, 900.0, 0.9, 1.0, 1.0, 1.05, 0.001]).unwrap();
        assert_eq!(calm.median, wild.median);
    }

    #[test]
    fn half_of_the_numbers_are_between_low_and_high() {
        assert_eq!(spread((1..=5).map(f64::from)).unwrap(), Spread { low: 2.0, median: 3.0, high: 4.0 });
    }

    #[test]
    fn nothing_has_no_median() {
        assert_eq!(spread([]), None);
        assert_eq!(spread([1.0, f64::INFINITY]), None);
        assert_eq!(spread([f64::NAN]), None);
    }
}
