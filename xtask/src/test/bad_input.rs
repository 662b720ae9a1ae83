//! Counts of the bad-input matrix: every host must have run it.

/// What one host reports: `bad-input host=<host> operations=<n> cases=<n> …`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct MatrixCount {
    pub(crate) host: String,
    pub(crate) operations: u64,
    pub(crate) cases: u64,
}

impl MatrixCount {
    /// The count in a runner's line; reporters may put marks before it.
    pub(crate) fn read(line: &str) -> Option<MatrixCount> {
        let rest = &line[line.find("bad-input host=")? + "bad-input ".len()..];
        let mut words = rest.split_whitespace();
        Some(MatrixCount {
            host: words.next()?.strip_prefix("host=")?.to_owned(),
            operations: words.next()?.strip_prefix("operations=")?.parse().ok()?,
            cases: words.next()?.strip_prefix("cases=")?.parse().ok()?,
        })
    }
}

/// What is wrong with the hosts' counts, one line each.
pub(crate) fn compare(hosts: &[&str], counts: &[MatrixCount]) -> Vec<String> {
    let is_of = |count: &MatrixCount, host: &str| {
        count.host.strip_prefix(host).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
    };
    let silent = hosts.iter().filter(|host| !counts.iter().any(|count| is_of(count, host)));
    let silent = silent.map(|host| format!("{host} reports no count of bad input"));
    let empty = counts.iter().filter(|count| count.operations == 0 || count.cases == 0);
    silent.chain(empty.map(|count| format!("{} ran no case of bad input", count.host))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_read_behind_reporters_marks() {
        let count = MatrixCount { host: "node".into(), operations: 3, cases: 40 };
        for line in ["bad-input host=node operations=3 cases=40", "# bad-input host=node operations=3 cases=40 more=1"]
        {
            assert_eq!(MatrixCount::read(line), Some(count.clone()));
        }
        assert_eq!(MatrixCount::read("bad-input host=node operations=3"), None);
    }

    #[test]
    fn a_host_that_ran_nothing_is_told() {
        let counts = ["bad-input host=node operations=3 cases=40", "bad-input host=python-aio operations=3 cases=0"];
        let counts: Vec<_> = counts.iter().filter_map(|line| MatrixCount::read(line)).collect();
        assert_eq!(compare(&["node"], &counts[..1]), Vec::<String>::new());
        let wrong = compare(&["node", "python", "rust"], &counts);
        assert_eq!(wrong, ["rust reports no count of bad input", "python-aio ran no case of bad input"]);
    }
}
