//! Scenario counts: every host must have run the files that the index lists, all of them.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};

const FOLDERS: [&str; 5] = ["locks", "cells", "transactions", "watch", "owners"];

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

    /// Runners of a part of the files by their nature (all interleavings) are not compared.
    fn is_partial(&self) -> bool {
        self.host.ends_with("-orders")
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
            requires: words
                .next()?
                .strip_prefix("requires=")
                .filter(|word| !word.is_empty())?
                .to_owned(),
        })
    }
}

/// The number of scenario files: what the index lists, which must be what the folders hold.
pub(crate) fn expected(folder: &Path) -> Result<u64> {
    let index = fs::read_to_string(folder.join("index.json"))
        .context("tests/scenarios/index.json cannot be read")?;
    let index: serde_json::Value =
        serde_json::from_str(&index).context("tests/scenarios/index.json")?;
    let listed = index["files"]
        .as_array()
        .context("tests/scenarios/index.json has no `files`")?
        .len();
    let mut there = 0;
    for name in FOLDERS {
        if let Ok(entries) = fs::read_dir(folder.join(name)) {
            there += entries
                .filter_map(|entry| Some(entry.ok()?.path()))
                .filter(|path| {
                    path.extension()
                        .is_some_and(|extension| extension == "json")
                })
                .count();
        }
    }
    if listed != there {
        bail!("the scenario index lists {listed} files, its folders hold {there}");
    }
    if listed == 0 {
        bail!("there are no scenario files");
    }
    Ok(listed as u64)
}

/// What is wrong with the hosts' counts, one line each.
pub(crate) fn compare(
    expected: u64,
    hosts: &[&str],
    counts: &[HostCount],
    skips: &[Skip],
) -> Vec<String> {
    let mut wrong = Vec::new();
    for host in hosts {
        if !counts.iter().any(|count| count.host == *host) {
            wrong.push(format!("{host} reports no scenario count"));
        }
    }
    for count in counts {
        let HostCount { host, run, skipped } = count;
        if !count.is_partial() && run + skipped != expected {
            wrong.push(format!(
                "{host} ran {run} scenarios and skipped {skipped}, the index lists {expected}"
            ));
        }
        if *run == 0 {
            wrong.push(format!("{host} ran no scenario"));
        }
        let named = skips.iter().filter(|skip| skip.host == *host).count() as u64;
        if named != *skipped {
            wrong.push(format!(
                "{host} skipped {skipped} scenarios and named {named}"
            ));
        }
    }
    wrong
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(host: &str, run: u64, skipped: u64) -> HostCount {
        HostCount {
            host: host.to_owned(),
            run,
            skipped,
        }
    }

    #[test]
    fn counts_are_read_behind_reporters_marks() {
        for line in [
            "scenarios host=node run=12 skipped=1",
            "# scenarios host=node run=12 skipped=1",
        ] {
            assert_eq!(HostCount::read(line), Some(count("node", 12, 1)));
        }
        assert_eq!(
            HostCount::read("scenarios host=node run=many skipped=1"),
            None
        );
        assert_eq!(HostCount::read("the scenarios are fine"), None);
    }

    #[test]
    fn a_skip_names_what_it_requires() {
        let skip = Skip::read("skipped host=page scenario=locks/a requires=threads").unwrap();
        assert_eq!(
            (skip.host.as_str(), skip.requires.as_str()),
            ("page", "threads")
        );
        assert_eq!(Skip::read("skipped host=page scenario=locks/a"), None);
        assert_eq!(
            Skip::read("skipped host=page scenario=locks/a requires="),
            None
        );
    }

    #[test]
    fn equal_counts_are_fine() {
        let skip = Skip {
            host: "page".into(),
            scenario: "a".into(),
            requires: "threads".into(),
        };
        let counts = [
            count("node", 5, 0),
            count("page", 4, 1),
            count("rust-orders", 2, 0),
        ];
        assert_eq!(
            compare(5, &["node", "page"], &counts, &[skip]),
            Vec::<String>::new()
        );
    }

    #[test]
    fn what_does_not_add_up_is_told() {
        let wrong = compare(5, &["node", "python"], &[count("node", 4, 0)], &[]);
        assert_eq!(
            wrong,
            [
                "python reports no scenario count",
                "node ran 4 scenarios and skipped 0, the index lists 5"
            ]
        );
        assert_eq!(
            compare(5, &[], &[count("node", 4, 1)], &[]),
            ["node skipped 1 scenarios and named 0"]
        );
        let skips: Vec<Skip> = (0..2)
            .map(|number| Skip {
                host: "node".into(),
                scenario: number.to_string(),
                requires: "threads".into(),
            })
            .collect();
        assert_eq!(
            compare(2, &[], &[count("node", 0, 2)], &skips),
            ["node ran no scenario"]
        );
    }

    #[test]
    fn the_index_must_list_what_is_there() {
        let folder = std::env::temp_dir().join(format!("latchwork-index-{}", std::process::id()));
        fs::create_dir_all(folder.join("locks")).unwrap();
        fs::write(folder.join("locks/one.json"), "{}").unwrap();
        fs::write(
            folder.join("index.json"),
            r#"{"files": ["locks/one.json"]}"#,
        )
        .unwrap();
        assert_eq!(expected(&folder).unwrap(), 1);
        fs::write(folder.join("locks/two.json"), "{}").unwrap();
        assert!(
            expected(&folder)
                .unwrap_err()
                .to_string()
                .contains("hold 2")
        );
        fs::write(folder.join("index.json"), "[]").unwrap();
        assert!(expected(&folder).is_err());
        fs::remove_dir_all(folder).unwrap();
    }
}
