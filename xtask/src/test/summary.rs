//! What the runners' own lines say: counts, and the reasons for what was skipped.

use std::ops::AddAssign;

/// How many tests went which way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
    pub(crate) skipped: u64,
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Counts) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
    }
}

impl std::fmt::Display for Counts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} passed, {} failed, {} skipped", self.passed, self.failed, self.skipped)
    }
}

/// Whose output it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Runner {
    /// `cargo test`.
    Cargo,
    /// `node --test` with the spec or the TAP reporter; or a runner of our own.
    Node,
    /// pytest with `-rs`.
    Pytest,
    /// A runner of our own, which ends with the plain line.
    Plain,
}

impl Runner {
    /// The sum of the closing lines; `None` when there is none.
    pub(crate) fn counts(self, lines: &[String]) -> Option<Counts> {
        let read: fn(&str) -> Option<Counts> = match self {
            Runner::Cargo => cargo_counts,
            Runner::Node => |line| node_counts(line).or_else(|| plain_counts(line)),
            Runner::Pytest => pytest_counts,
            Runner::Plain => plain_counts,
        };
        let mut sum = None;
        for counts in lines.iter().filter_map(|line| read(line.trim())) {
            *sum.get_or_insert_with(Counts::default) += counts;
        }
        sum
    }

    /// The named reasons, one for each skipped test that has one.
    pub(crate) fn reasons(self, lines: &[String]) -> Vec<String> {
        let read: fn(&str) -> Vec<String> = match self {
            Runner::Cargo => |line| cargo_reason(line).into_iter().collect(),
            Runner::Node => |line| node_reason(line).or_else(|| plain_reason(line)).into_iter().collect(),
            Runner::Pytest => pytest_reasons,
            Runner::Plain => |line| plain_reason(line).into_iter().collect(),
        };
        lines.iter().flat_map(|line| read(line.trim())).collect()
    }
}

/// `test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s`
fn cargo_counts(line: &str) -> Option<Counts> {
    let (_, rest) = line.strip_prefix("test result: ")?.split_once(". ")?;
    let mut counts = Counts::default();
    for part in rest.split("; ") {
        match part.split_once(' ') {
            Some((number, "passed")) => counts.passed = number.parse().ok()?,
            Some((number, "failed")) => counts.failed = number.parse().ok()?,
            Some((number, "ignored")) => counts.skipped = number.parse().ok()?,
            _ => {}
        }
    }
    Some(counts)
}

/// `test name ... ignored, reason`
fn cargo_reason(line: &str) -> Option<String> {
    let (name, reason) = line.strip_prefix("test ")?.split_once(" ... ignored, ")?;
    Some(format!("{name}: {reason}"))
}

/// `ℹ pass 3` of the spec reporter, `# pass 3` of the TAP reporter. What was cancelled has failed;
/// what is marked "to do" is skipped without a reason.
fn node_counts(line: &str) -> Option<Counts> {
    let rest = line.strip_prefix("ℹ ").or_else(|| line.strip_prefix("# "))?;
    let (what, number) = rest.split_once(' ')?;
    let number: u64 = number.parse().ok()?;
    let none = Counts::default();
    match what {
        "pass" => Some(Counts { passed: number, ..none }),
        "fail" | "cancelled" => Some(Counts { failed: number, ..none }),
        "skipped" | "todo" => Some(Counts { skipped: number, ..none }),
        _ => None,
    }
}

/// `﹣ name (0.1ms) # reason` of the spec reporter, `ok 3 - name # SKIP reason` of the TAP reporter.
fn node_reason(line: &str) -> Option<String> {
    let (name, reason) = match line.strip_prefix("﹣ ") {
        Some(rest) => rest.split_once(" # ")?,
        None => line.strip_prefix("ok ")?.split_once(" # SKIP ")?,
    };
    (!reason.is_empty() && reason != "SKIP").then(|| format!("{name}: {reason}"))
}

/// `==== 2 failed, 5 passed, 1 skipped in 0.12s ====`, also without the rules.
fn pytest_counts(line: &str) -> Option<Counts> {
    let (parts, time) = line.trim_matches('=').trim().rsplit_once(" in ")?;
    let seconds = time.split_whitespace().next()?.strip_suffix('s')?;
    seconds.parse::<f64>().ok()?;
    let mut counts = Counts::default();
    for part in parts.split(", ") {
        let (number, what) = part.split_once(' ')?;
        let number: u64 = if number == "no" { 0 } else { number.parse().ok()? };
        match what {
            "passed" => counts.passed += number,
            "failed" | "error" | "errors" | "xpassed" => counts.failed += number,
            "skipped" | "xfailed" => counts.skipped += number,
            "tests ran" | "deselected" | "warning" | "warnings" | "rerun" => {}
            _ if what.starts_with("subtests") => {}
            _ => return None,
        }
    }
    Some(counts)
}

/// `SKIPPED [2] tests/python/test_a.py:3: reason` stands for two tests.
fn pytest_reasons(line: &str) -> Vec<String> {
    let reason = || {
        let (number, rest) = line.strip_prefix("SKIPPED [")?.split_once("] ")?;
        Some(vec![rest.to_owned(); number.parse().ok()?])
    };
    reason().unwrap_or_default()
}

/// `5 passed, 0 failed, 1 skipped`, alone on its line.
fn plain_counts(line: &str) -> Option<Counts> {
    let (passed, rest) = line.split_once(" passed, ")?;
    let (failed, rest) = rest.split_once(" failed, ")?;
    let skipped = rest.strip_suffix(" skipped")?;
    Some(Counts { passed: passed.parse().ok()?, failed: failed.parse().ok()?, skipped: skipped.parse().ok()? })
}

/// `skipped: test: reason`
fn plain_reason(line: &str) -> Option<String> {
    let rest = line.strip_prefix("skipped: ")?;
    rest.contains(": ").then(|| rest.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<String> {
        text.lines().map(str::to_owned).collect()
    }

    fn counts(passed: u64, failed: u64, skipped: u64) -> Option<Counts> {
        Some(Counts { passed, failed, skipped })
    }

    #[test]
    fn cargo_sums_its_binaries() {
        let text = lines(
            "running 2 tests\n\
             test a ... ok\n\
             test b ... ignored, needs a second machine\n\
             test c ... ignored\n\
             test result: ok. 1 passed; 0 failed; 2 ignored; 0 measured; 0 filtered out; finished in 0.00s\n\
             test result: FAILED. 3 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s",
        );
        assert_eq!(Runner::Cargo.counts(&text), counts(4, 1, 2));
        assert_eq!(Runner::Cargo.reasons(&text), ["b: needs a second machine"]);
    }

    #[test]
    fn node_speaks_spec_and_tap() {
        let spec = lines(
            "✔ a (0.5ms)\n﹣ b (0.1ms) # no such thing here\n﹣ c (0.1ms) # SKIP\n\
             ℹ tests 3\nℹ suites 0\nℹ pass 1\nℹ fail 0\nℹ cancelled 0\nℹ skipped 2\nℹ todo 0\nℹ duration_ms 55.1",
        );
        assert_eq!(Runner::Node.counts(&spec), counts(1, 0, 2));
        assert_eq!(Runner::Node.reasons(&spec), ["b (0.1ms): no such thing here"]);
        let tap = lines(
            "ok 1 - a\nok 2 - b # SKIP not here\nok 3 - c # SKIP\n1..3\n# tests 3\n# pass 1\n# fail 1\n# cancelled 1\n# skipped 1\n# todo 0",
        );
        assert_eq!(Runner::Node.counts(&tap), counts(1, 2, 1));
        assert_eq!(Runner::Node.reasons(&tap), ["2 - b: not here"]);
        assert_eq!(Runner::Node.counts(&lines("4 passed, 0 failed, 0 skipped")), counts(4, 0, 0));
    }

    #[test]
    fn pytest_sums_errors_and_reads_reasons() {
        let text = lines(
            "SKIPPED [2] tests/python/test_a.py:3: no fork on this system\n\
             === 1 failed, 5 passed, 2 skipped, 1 warning, 1 error in 0.12s ===",
        );
        assert_eq!(Runner::Pytest.counts(&text), counts(5, 2, 2));
        assert_eq!(Runner::Pytest.reasons(&text).len(), 2);
        assert_eq!(Runner::Pytest.counts(&lines("5 passed in 61.02s (0:01:01)")), counts(5, 0, 0));
        assert_eq!(Runner::Pytest.counts(&lines("no tests ran in 0.01s")), counts(0, 0, 0));
        assert_eq!(Runner::Pytest.counts(&lines("a wait ended in 3s")), None);
    }

    #[test]
    fn only_a_line_of_its_own_is_a_plain_summary() {
        assert_eq!(Runner::Plain.counts(&lines("7 passed, 1 failed, 2 skipped")), counts(7, 1, 2));
        assert_eq!(Runner::Plain.counts(&lines("so 7 passed, 1 failed, 2 skipped")), None);
        assert_eq!(Runner::Plain.counts(&lines("7 passed, 1 failed, 2 skipped now")), None);
        assert_eq!(Runner::Plain.reasons(&lines("skipped: a: b\nskipped: a")), ["a: b"]);
    }

    #[test]
    fn no_closing_line_is_no_answer() {
        for runner in [Runner::Cargo, Runner::Node, Runner::Pytest, Runner::Plain] {
            assert_eq!(runner.counts(&lines("something else")), None);
        }
    }
}
