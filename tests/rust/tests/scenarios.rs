//! Runs the scenario files against the futures API and the ports.

use std::io::Write;

use latchwork_tests::host::{Futures, Host, Ports};
use latchwork_tests::orders::{Looking, every_order};
use latchwork_tests::runner::{lacks, run};
use latchwork_tests::scenario::{Folders, Scenario};

/// One shard, where every request is local, and many, where those for several keys span shards.
const SHARDS: [usize; 3] = [1, 4, 4096];

fn parse(files: Vec<(String, String)>) -> Vec<Scenario> {
    let parse =
        |(name, text): (String, String)| Scenario::parse(&name, &text).unwrap_or_else(|why| panic!("{name}: {why}"));
    files.into_iter().map(parse).collect()
}

fn passing() -> Vec<Scenario> {
    parse(Folders::here().passing().expect("the folders can be read"))
}

fn runs(scenario: &Scenario) -> bool {
    !scenario.requires.iter().any(|requirement| lacks().contains(requirement))
}

/// Past the capture of test output: the task runner reads this line.
fn report(line: &str) {
    let _ = writeln!(std::io::stdout().lock(), "{line}");
}

fn failures<H: Host>(scenarios: &[Scenario]) -> Vec<String> {
    let mut failures = Vec::new();
    for scenario in scenarios {
        for shards in SHARDS {
            if let Err(failure) = run::<H>(scenario, shards) {
                failures.push(format!("{} on {} with {shards} shards: {failure}", scenario.name, H::NAME));
            }
        }
    }
    failures
}

#[test]
fn every_file_passes() {
    let all = passing();
    let (run, skipped): (Vec<_>, Vec<_>) = all.into_iter().partition(runs);
    let failures = [failures::<Futures>(&run), failures::<Ports>(&run)].concat();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    let index = Folders::here().index().expect("the index can be read");
    assert_eq!(run.len() + skipped.len(), index.passing(), "the index names every file");
    for scenario in &skipped {
        let requires: Vec<String> = scenario.requires.iter().map(|word| format!("{word:?}")).collect();
        report(&format!("skipped host=rust scenario={} requires={}", scenario.name, requires.join(",")));
    }
    report(&format!("scenarios host=rust run={} skipped={}", run.len(), skipped.len()));
}

fn fails_where_it_must<H: Host>(scenario: &Scenario) {
    for shards in SHARDS {
        let failure = run::<H>(scenario, shards).expect_err(&scenario.name);
        assert_eq!(failure.at, scenario.must_fail, "{} on {}: {failure}", scenario.name, H::NAME);
    }
}

#[test]
fn every_must_fail_file_fails_at_its_step() {
    let files = parse(Folders::here().texts("must-fail").expect("the folder can be read"));
    assert!(!files.is_empty());
    for scenario in &files {
        assert!(scenario.must_fail.is_some(), "{} does not say where it must fail", scenario.name);
        fails_where_it_must::<Futures>(scenario);
        fails_where_it_must::<Ports>(scenario);
    }
}

#[test]
fn every_must_reject_file_is_refused() {
    let files = Folders::here().texts("must-reject").expect("the folder can be read");
    assert!(!files.is_empty());
    for (name, text) in files {
        assert!(Scenario::parse(&name, &text).is_err(), "{name} was accepted");
    }
}

#[test]
fn every_interleaving_keeps_the_rules() {
    let mut runs = 0;
    let files: Vec<Scenario> = passing().into_iter().filter(Scenario::every_order).collect();
    assert!(files.len() >= 10, "files with orders: {}", files.len());
    for scenario in &files {
        for looking in [Looking::Eager, Looking::Lazy] {
            for shards in [1, 64] {
                let counts = [
                    every_order::<Futures>(scenario, shards, looking),
                    every_order::<Ports>(scenario, shards, looking),
                ];
                for count in counts {
                    runs += count.unwrap_or_else(|why| panic!("{} with {shards} shards: {why}", scenario.name));
                }
            }
        }
    }
    report(&format!("orders host=rust files={} interleavings={runs}", files.len()));
}
