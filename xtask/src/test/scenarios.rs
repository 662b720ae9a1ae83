//! Scenario counts: every host must have run the files that the index lists, all of them.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};
use serde_json::Value;

const INDEX: &str = "index.generated.json";

/// The folders whose files every host must pass.
const PASSING: [&str; 5] = ["locks", "cells", "transactions", "watch", "owners"];

/// The folders whose files every runner must fail or refuse.
const OTHERS: [&str; 2] = ["must-fail", "must-reject"];

/// What one host reports: `scenarios host=<host> run=<n> skipped=<n>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct HostCount {
    pub(crate) host: String,
    pub(crate) run: u64,
    pub(crate) skipped: u64,
}

impl HostCount {
    /// The count in a runner's line; reporters may put marks before it.
    pub(crate) fn read(line: &str) -> Option<HostCount> {
        let rest = &line[line.find("scenarios host=")? + "scenarios ".len()..];
        let mut words = rest.split_whitespace();
        Some(HostCount {
            host: words.next()?.strip_prefix("host=")?.to_owned(),
            run: words.next()?.strip_prefix("run=")?.parse().ok()?,
            skipped: words.next()?.strip_prefix("skipped=")?.parse().ok()?,
        })
    }

    /// Whether it is a count of the host, or of one of its places (`chromium-page`).
    fn is_of(&self, host: &str) -> bool {
        self.host.strip_prefix(host).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
    }
}

/// A scenario that a host could not run: `skipped host=<host> scenario=<name> requires=<feature>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Skip {
    pub(crate) host: String,
    pub(crate) scenario: String,
    pub(crate) requires: String,
}

impl Skip {
    pub(crate) fn read(line: &str) -> Option<Skip> {
        let rest = &line[line.find("skipped host=")? + "skipped ".len()..];
        let mut words = rest.split_whitespace();
        Some(Skip {
            host: words.next()?.strip_prefix("host=")?.to_owned(),
            scenario: words.next()?.strip_prefix("scenario=")?.to_owned(),
            requires: words.next()?.strip_prefix("requires=").filter(|word| !word.is_empty())?.to_owned(),
        })
    }
}

/// The number of files that every host runs or skips: what the index lists, folder by folder,
/// which must be what the folders hold.
pub(crate) fn expected(folder: &Path) -> Result<u64> {
    let index = fs::read_to_string(folder.join(INDEX)).with_context(|| format!("no {INDEX}"))?;
    let index: Value = serde_json::from_str(&index).context(INDEX)?;
    let folders = index["folders"].as_object().with_context(|| format!("{INDEX}: no folders"))?;
    let mut expected = 0;
    for name in PASSING.into_iter().chain(OTHERS) {
        let listed = folders.get(name).map_or(Some(0), |entry| entry["files"].as_array().map(Vec::len));
        let listed = listed.with_context(|| format!("{INDEX}: {name} has no files"))?;
        let there = count_files(&folder.join(name));
        if listed != there {
            bail!("{INDEX} lists {listed} files in {name}, the folder holds {there}");
        }
        if PASSING.contains(&name) {
            expected += listed as u64;
        }
    }
    if expected == 0 {
        bail!("there are no scenario files");
    }
    Ok(expected)
}

fn count_files(folder: &Path) -> usize {
    let paths = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    paths.filter(|path| path.extension().is_some_and(|extension| extension == "json")).count()
}

/// What is wrong with the hosts' counts, one line each.
pub(crate) fn compare(expected: u64, hosts: &[&str], counts: &[HostCount], skips: &[Skip]) -> Vec<String> {
    let mut wrong = Vec::new();
    for host in hosts {
        if !counts.iter().any(|count| count.is_of(host)) {
            wrong.push(format!("{host} reports no scenario count"));
        }
    }
    for count in counts {
        let HostCount { host, run, skipped } = count;
        if run + skipped != expected {
            wrong.push(format!("{host} ran {run} scenarios and skipped {skipped}, the index lists {expected}"));
        }
        if *run == 0 {
            wrong.push(format!("{host} ran no scenario"));
        }
        let named = skips.iter().filter(|skip| skip.host == *host).count() as u64;
        if named != *skipped {
            wrong.push(format!("{host} skipped {skipped} scenarios and named {named}"));
        }
    }
    wrong
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(host: &str, run: u64, skipped: u64) -> HostCount {
        HostCount { host: host.to_owned(), run, skipped }
    }

    #[test]
    fn counts_are_read_behind_reporters_marks() {
        for line in ["scenarios host=node run=12 skipped=1", "# scenarios host=node run=12 skipped=1"] {
            assert_eq!(HostCount::read(line), Some(count("node", 12, 1)));
        }
        assert_eq!(HostCount::read("scenarios host=node run=many skipped=1"), None);
        assert_eq!(HostCount::read("the scenarios are fine"), None);
    }

    #[test]
    fn a_skip_names_what_it_requires() {
        let skip = Skip::read("skipped host=page scenario=locks/a requires=threads").unwrap();
        assert_eq!((skip.host.as_str(), skip.requires.as_str()), ("page", "threads"));
        assert_eq!(Skip::read("skipped host=page scenario=locks/a"), None);
        assert_eq!(Skip::read("skipped host=page scenario=locks/a requires="), None);
    }

    #[test]
    fn equal_counts_are_fine() {
        let skip = Skip { host: "page".into(), scenario: "a".into(), requires: "threads".into() };
        let counts = [count("node", 5, 0), count("page", 4, 1), count("page-worker", 5, 0)];
        assert_eq!(compare(5, &["node", "page"], &counts, &[skip]), Vec::<String>::new());
    }

    #[test]
    fn what_does_not_add_up_is_told() {
        let wrong = compare(5, &["node", "python"], &[count("node", 4, 0)], &[]);
        assert_eq!(
            wrong,
            ["python reports no scenario count", "node ran 4 scenarios and skipped 0, the index lists 5"]
        );
        assert_eq!(compare(5, &[], &[count("node", 4, 1)], &[]), ["node skipped 1 scenarios and named 0"]);
        let skips: Vec<Skip> = (0..2)
            .map(|number| Skip { host: "node".into(), scenario: number.to_string(), requires: "threads".into() })
            .collect();
        assert_eq!(compare(2, &[], &[count("node", 0, 2)], &skips), ["node ran no scenario"]);
    }

    #[test]
    fn the_index_must_list_what_is_there() {
        let folder = std::env::temp_dir().join(format!("latchwork-index-{}", std::process::id()));
        fs::create_dir_all(folder.join("locks")).unwrap();
        let index = |text: &str| fs::write(folder.join(INDEX), text).unwrap();
        fs::write(folder.join("locks/one.json"), "{}").unwrap();
        index(r#"{"folders": {"locks": {"files": ["one.json"]}}}"#);
        assert_eq!(expected(&folder).unwrap(), 1);
        fs::write(folder.join("locks/two.json"), "{}").unwrap();
        assert!(expected(&folder).unwrap_err().to_string().contains("holds 2"));
        index(r#"{"folders": {"locks": {"files": ["one.json", "two.json"]}}}"#);
        assert_eq!(expected(&folder).unwrap(), 2);
        fs::create_dir_all(folder.join("must-fail")).unwrap();
        fs::write(folder.join("must-fail/three.json"), "{}").unwrap();
        assert!(expected(&folder).unwrap_err().to_string().contains("must-fail"));
        index("[]");
        assert!(expected(&folder).is_err());
        fs::remove_dir_all(folder).unwrap();
    }
}
