//! Rounds: every side in turn, again and again, so that what disturbs the machine disturbs all sides.

use std::time::Duration;

/// One way of doing a case's job.
pub struct Side {
    name: String,
    run: Box<dyn FnMut(u64) -> Duration>,
}

impl Side {
    /// `run` does the job as often as it is told, and answers how long that took.
    pub fn new(name: impl Into<String>, run: impl FnMut(u64) -> Duration + 'static) -> Side {
        Side { name: name.into(), run: Box::new(run) }
    }

    /// The name in tables and plots.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Does the job `operations` times: nanoseconds for each.
    pub fn cost(&mut self, operations: u64) -> f64 {
        (self.run)(operations).as_nanos() as f64 / operations as f64
    }
}

impl std::fmt::Debug for Side {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Side").field("name", &self.name).finish_non_exhaustive()
    }
}

/// What each side cost in each round: `costs[side][round]`, in nanoseconds per operation.
///
/// The first round warms up and is left out. Each round begins with another side.
pub fn interleave(sides: &mut [Side], operations: u64, rounds: usize) -> Vec<Vec<f64>> {
    let mut costs = vec![Vec::with_capacity(rounds); sides.len()];
    for round in 0..=rounds {
        for turn in 0..sides.len() {
            let side = (round + turn) % sides.len();
            let cost = sides[side].cost(operations);
            if round > 0 {
                costs[side].push(cost);
            }
        }
    }
    costs
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::rc::Rc;

    use super::*;

    #[test]
    fn sides_take_turns_and_the_first_round_is_left_out() {
        let order = Rc::new(RefCell::new(String::new()));
        let mut sides: Vec<Side> = [("a", 10), ("b", 20)]
            .into_iter()
            .map(|(name, nanoseconds)| {
                let order = order.clone();
                Side::new(name, move |operations| {
                    order.borrow_mut().push_str(name);
                    Duration::from_nanos(nanoseconds * operations)
                })
            })
            .collect();
        let costs = interleave(&mut sides, 1000, 3);
        assert_eq!(*order.borrow(), "abbaabba");
        assert_eq!(costs, [[10.0; 3], [20.0; 3]]);
    }
}
