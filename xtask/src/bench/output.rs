//! What a run leaves: tables for people, JSON for programs, a page with plots.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::Found;
use super::callgrind::{Instructions, PROFILES};
use super::finding::Finding;
use super::row::{Measured, Row, Unit, Verdict};
use super::statistics::spread;
use crate::process::{capture, command, root, run, target};
use crate::{say, table};

/// The rows, as a list of objects.
const RESULTS: &str = "bench/results.json";
/// What the plots are made of besides.
const DETAILS: &str = "bench/details.json";
const PAGE: &str = "bench/index.html";

/// Prints the tables.
pub(super) fn print(rows: &[Row], found: &Found) {
    println!("\n{}", bars(rows));
    let runs = runs(rows);
    if !runs.is_empty() {
        let heading = ["bodies run for each call", "", "peer", "ours", "at most", "peer's", "at most"];
        println!("{}", table::layout(&heading, &runs, 3));
    }
    let memory = memory(&found.findings);
    if !memory.is_empty() {
        let heading = ["on the heap, for each", "", "bytes", "allocations", "besides, with the caller"];
        println!("{}", table::layout(&heading, &memory, 2));
    }
    if let Some(instructions) = &found.instructions {
        println!("{}", table::layout(&["case", "", "instructions"], &counts(instructions), 2));
        println!("The profiles are in {}: callgrind_annotate shows them.\n", shown(&target().join(PROFILES)));
    }
}

/// Writes the files, and says where they are.
pub(super) fn write(rows: &[Row], found: &Found, quick: bool) -> Result<()> {
    say::part("bench: the report");
    let [results, details, page] = [RESULTS, DETAILS, PAGE].map(|name| target().join(name));
    fs::create_dir_all(target().join("bench"))?;
    let list: Vec<Value> = rows.iter().map(Row::json).collect();
    fs::write(&results, serde_json::to_string_pretty(&list)? + "\n")
        .with_context(|| format!("cannot write {}", shown(&results)))?;
    fs::write(&details, serde_json::to_string_pretty(&detail(found, quick))? + "\n")?;
    run(command("node", &["bench/report/build.js"]).args([&results, &details, &page]))?;
    for file in [results, details, page] {
        say::step(&shown(&file));
    }
    Ok(())
}

/// The path, as one would type it in the repository's root.
fn shown(path: &Path) -> String {
    path.strip_prefix(root()).unwrap_or(path).display().to_string()
}

/// How many rows met their bar, and so on.
pub(super) fn sum(rows: &[Row]) -> String {
    let count = |verdict| rows.iter().filter(|row| row.verdict() == verdict).count();
    let mut text = format!(
        "{} bars met, {} missed, {} rows without a bar",
        count(Verdict::Met),
        count(Verdict::Missed),
        count(Verdict::Reported)
    );
    for (verdict, what) in [(Verdict::NotMeasured, "not measured"), (Verdict::Awaits, "await what is not built yet")] {
        let missing = count(verdict);
        if missing > 0 {
            text += &format!(", {missing} {what}");
        }
    }
    text
}

fn bars(rows: &[Row]) -> String {
    let heading = ["host", "case", "peer", "ours", "peer's", "ratio", "middle half", "rounds", "bar", ""];
    let cells: Vec<Vec<String>> = rows.iter().map(cells).collect();
    table::layout(&heading, &cells, 3)
}

fn cells(row: &Row) -> Vec<String> {
    let bar = &row.bar;
    let limit = |bar: f64| format!("{} {}", if row.bar.higher_is_better { "≥" } else { "≤" }, figures(bar));
    let mut cells = vec![bar.host.clone(), bar.case.clone(), bar.peer.clone()];
    cells.extend(match &row.measured {
        Some(measured) => {
            let Measured { unit, ours, theirs, ratio, rounds, .. } = measured;
            let middle = format!("{} to {}", figures(ratio.low), figures(ratio.high));
            [amount(*unit, *ours), amount(*unit, *theirs), figures(ratio.median), middle, rounds.to_string()]
        }
        None => ["-"; 5].map(str::to_owned),
    });
    cells.push(bar.bar.map_or_else(|| "-".to_owned(), limit));
    cells.push(row.says());
    cells
}

fn amount(unit: Unit, value: f64) -> String {
    match unit {
        Unit::Nanoseconds => format!("{value:.0} ns"),
        Unit::Bytes => format!("{value:.0} B"),
    }
}

/// Two figures after the point, or as many as a small number needs.
fn figures(number: f64) -> String {
    if number != 0.0 && number.abs() < 0.1 { format!("{number:.4}") } else { format!("{number:.2}") }
}

/// How often bodies ran, where they may run several times.
fn runs(rows: &[Row]) -> Vec<Vec<String>> {
    let cells = |row: &Row| {
        let [ours, theirs] = row.measured.as_ref()?.runs?;
        let mut cells = [&row.bar.host, &row.bar.case, &row.bar.peer].map(String::clone).to_vec();
        cells.extend([ours, theirs].into_iter().flat_map(|runs| [figures(runs.each), format!("{:.0}", runs.most)]));
        Some(cells)
    };
    rows.iter().filter_map(cells).collect()
}

fn memory(findings: &[Finding]) -> Vec<Vec<String>> {
    let cells = |finding: &Finding| match finding {
        Finding::Memory { what, side, bytes, allocations, inline } => Some(vec![
            what.clone(),
            side.clone(),
            format!("{bytes:.0}"),
            format!("{allocations:.2}"),
            format!("{inline:.0} B"),
        ]),
        Finding::Left { side, bytes, of, .. } => Some(vec![
            "left after release".to_owned(),
            side.clone(),
            format!("{bytes:.0}"),
            "-".to_owned(),
            format!("of {of:.0} B"),
        ]),
        _ => None,
    };
    let mut rows: Vec<Vec<String>> = findings.iter().filter_map(cells).collect();
    rows.sort_by(|one, other| one[0].cmp(&other[0]));
    rows
}

fn counts(instructions: &[Instructions]) -> Vec<Vec<String>> {
    instructions.iter().map(|it| vec![it.case.clone(), it.side.clone(), format!("{:.0}", it.count)]).collect()
}

fn detail(found: &Found, quick: bool) -> Value {
    let mut points = Vec::new();
    let mut memory = Vec::new();
    for finding in &found.findings {
        match finding {
            Finding::Point { host, plot, series, x, costs } => {
                let Some(cost) = spread(costs.iter().copied()) else { continue };
                points.push(json!({ "host": host, "plot": plot, "series": series, "x": x, "ns": cost.median,
                    "low": cost.low, "high": cost.high }));
            }
            Finding::Memory { what, side, bytes, allocations, inline } => {
                memory.push(json!({ "what": what, "side": side, "bytes": bytes, "allocations": allocations,
                    "inline": inline }));
            }
            Finding::Left { side, bytes, of, .. } => {
                memory.push(json!({ "what": "left after release of everything", "side": side, "bytes": bytes,
                    "of": of }));
            }
            Finding::Comparison(_) | Finding::Size { .. } => {}
        }
    }
    let instructions: Option<Vec<Value>> = found.instructions.as_ref().map(|counted| {
        counted.iter().map(|it| json!({ "case": it.case, "side": it.side, "instructions": it.count })).collect()
    });
    json!({ "quick": quick, "machine": machine(), "points": points, "memory": memory, "instructions": instructions })
}

/// What the numbers were measured on.
fn machine() -> Value {
    let version = |program: &str| capture(&mut command(program, &["--version"]));
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    json!({ "cores": cores, "system": std::env::consts::OS, "architecture": std::env::consts::ARCH,
        "rustc": version("rustc"), "node": version("node"), "python": version("python3") })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::bars::Bar;
    use crate::bench::row;

    fn found() -> (Vec<Row>, Found) {
        let lines = [
            r#"{"kind":"comparison","host":"rust","case":"fresh key","peer":"map","ours":[50,60],"theirs":[100,100]}"#,
            r#"{"kind":"size","host":"wasm","case":"binary","peer":"40 kB","ours":50000,"theirs":40000}"#,
            r#"{"kind":"point","host":"rust","plot":"waiters","series":"grant","x":10,"costs":[3,1,2]}"#,
            r#"{"kind":"memory","host":"rust","what":"waiter","side":"us","bytes":96.2,"allocations":0,"inline":80}"#,
        ];
        let findings: Vec<Finding> = lines.iter().map(|line| Finding::read(line).unwrap().unwrap()).collect();
        let bar = |host: &str, case: &str, peer: &str, bar| {
            let [host, case, peer] = [host, case, peer].map(str::to_owned);
            Bar { host, case, peer, bar, higher_is_better: false, awaits: None }
        };
        let bars = [
            bar("rust", "fresh key", "map", Some(0.75)),
            bar("rust", "forgotten", "map", Some(0.01)),
            bar("wasm", "binary", "40 kB", Some(1.0)),
        ];
        let rows = row::rows(&bars, &["rust", "wasm"], &findings);
        let instructions = vec![Instructions { case: "fresh key".to_owned(), side: "us".to_owned(), count: 690.4 }];
        (rows, Found { findings, instructions: Some(instructions) })
    }

    #[test]
    fn the_table_has_a_line_for_each_row_with_its_bar() {
        let text = bars(&found().0);
        let lines: Vec<Vec<&str>> = text.lines().map(|line| line.split_whitespace().collect()).collect();
        assert_eq!(lines.len(), 5);
        assert_eq!(lines[2].join(" "), "rust fresh key map 55 ns 100 ns 0.55 0.53 to 0.57 2 ≤ 0.75 met");
        assert_eq!(lines[3].join(" "), "rust forgotten map - - - - - ≤ 0.0100 not measured");
        assert_eq!(lines[4].join(" "), "wasm binary 40 kB 50000 B 40000 B 1.25 1.25 to 1.25 1 ≤ 1.00 missed");
    }

    #[test]
    fn how_often_bodies_ran_stands_beside_the_peers() {
        let line = r#"{"kind":"comparison","host":"rust","case":"update","peer":"loop","ours":[1],"theirs":[2],
            "ours_runs":{"each":1.25,"most":4},"theirs_runs":{"each":7.5,"most":31}}"#;
        let found = Finding::read(line).unwrap().unwrap();
        let rows = row::rows(&[], &["rust"], &[found, found_plain()]);
        assert_eq!(runs(&rows), [["rust", "update", "loop", "1.25", "4", "7.50", "31"]]);
    }

    fn found_plain() -> Finding {
        found().1.findings.swap_remove(0)
    }

    #[test]
    fn the_sum_counts_every_verdict() {
        assert_eq!(sum(&found().0), "1 bars met, 1 missed, 0 rows without a bar, 1 not measured");
    }

    #[test]
    fn the_details_have_what_the_plots_need() {
        let (_, found) = found();
        let detail = detail(&found, true);
        let point = json!({ "host": "rust", "plot": "waiters", "series": "grant", "x": 10.0, "ns": 2.0, "low": 1.5,
            "high": 2.5 });
        assert_eq!(detail["points"], json!([point]));
        assert_eq!(detail["memory"][0]["bytes"], json!(96.2));
        assert_eq!(detail["instructions"][0]["instructions"], json!(690.4));
        assert_eq!(detail["quick"], json!(true));
    }
}
