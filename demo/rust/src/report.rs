//! What a case counted, and the line that the task runner reads.

use std::collections::HashSet;

use serde_json::json;

/// What became of the requests of one run. `None` where a number does not apply.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Count {
    pub(crate) lost: Option<usize>,
    pub(crate) stuck: usize,
    pub(crate) per_second: Option<f64>,
}

/// How many of `count` updates were lost: their page is not there, or their answer was another's too.
pub(crate) fn lost_updates(count: usize, pages: usize, answers: &[usize]) -> usize {
    let different: HashSet<&usize> = answers.iter().collect();
    (count + 1).saturating_sub(pages).max(answers.len() - different.len())
}

/// Prints the line that the task runner reads.
pub(crate) fn print_outcome(host: &str, case: &str, requests: usize, without: Count, locked: Count) {
    let outcome = json!({
        "host": host,
        "case": case,
        "requests": requests,
        "lost_without": without.lost,
        "lost_with": locked.lost,
        "stuck_without": without.stuck,
        "stuck_with": locked.stuck,
        "rps_without": without.per_second,
        "rps_with": locked.per_second,
    });
    println!("{outcome}");
}

#[cfg(test)]
mod tests {
    use super::lost_updates;

    #[test]
    fn an_update_is_lost_with_its_page_or_with_its_answer() {
        assert_eq!(lost_updates(3, 4, &[2, 3, 4]), 0);
        assert_eq!(lost_updates(3, 2, &[2, 2, 2]), 2);
        assert_eq!(lost_updates(3, 4, &[2, 3, 3]), 1);
        assert_eq!(lost_updates(3, 3, &[2, 3, 4]), 1);
    }
}
