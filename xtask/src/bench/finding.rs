//! What the programs of the bench print: one JSON object to a line.

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

/// Something that was measured. `bench/README.md` describes each kind.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Finding {
    Comparison(Comparison),
    Size { host: String, case: String, peer: String, ours: f64, theirs: f64 },
    Point { host: String, plot: String, series: String, x: f64, costs: Vec<f64> },
    Memory { what: String, side: String, bytes: f64, allocations: f64, inline: f64 },
    Left { host: String, side: String, bytes: f64, of: f64 },
}

/// What two sides cost in the same rounds, in nanoseconds per operation.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Comparison {
    pub(super) host: String,
    pub(super) case: String,
    pub(super) peer: String,
    pub(super) ours: Vec<f64>,
    pub(super) theirs: Vec<f64>,
    /// What each side cost before the improvement that is compared, if it is one.
    pub(super) bases: Option<[Vec<f64>; 2]>,
    /// How often the bodies of both sides ran, where they may run several times for each call.
    pub(super) runs: Option<[Runs; 2]>,
}

/// How often bodies ran for each call, and in the worst case.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Runs {
    pub(super) each: f64,
    pub(super) most: f64,
}

/// Findings are lines for us; all others are for whoever watches.
pub(super) fn is_finding(line: &str) -> bool {
    line.starts_with('{')
}

impl Finding {
    /// A finding, if the line is a JSON object.
    ///
    /// # Errors
    ///
    /// It is one, but no finding.
    pub(super) fn read(line: &str) -> Result<Option<Finding>> {
        if !is_finding(line) {
            return Ok(None);
        }
        let value: Value = serde_json::from_str(line).with_context(|| format!("not JSON: {line}"))?;
        finding(&value).with_context(|| format!("not a finding: {line}")).map(Some)
    }
}

fn finding(value: &Value) -> Result<Finding> {
    let text = |name| text(value, name);
    let number = |name| number(value, name);
    Ok(match text("kind")?.as_str() {
        "comparison" => Finding::Comparison(comparison(value)?),
        "size" => Finding::Size {
            host: text("host")?,
            case: text("case")?,
            peer: text("peer")?,
            ours: number("ours")?,
            theirs: number("theirs")?,
        },
        "point" => Finding::Point {
            host: text("host")?,
            plot: text("plot")?,
            series: text("series")?,
            x: number("x")?,
            costs: costs(value, "costs")?,
        },
        "memory" => Finding::Memory {
            what: text("what")?,
            side: text("side")?,
            bytes: number("bytes")?,
            allocations: number("allocations")?,
            inline: number("inline")?,
        },
        "left" => {
            Finding::Left { host: text("host")?, side: text("side")?, bytes: number("bytes")?, of: number("of")? }
        }
        other => bail!("unknown kind `{other}`"),
    })
}

fn comparison(value: &Value) -> Result<Comparison> {
    let (ours, theirs) = (costs(value, "ours")?, costs(value, "theirs")?);
    ensure!(ours.len() == theirs.len(), "the sides had different rounds");
    let bases = match value.get("ours_base") {
        None => None,
        Some(_) => {
            let bases = [costs(value, "ours_base")?, costs(value, "theirs_base")?];
            ensure!(bases.iter().all(|base| base.len() == ours.len()), "the bases had different rounds");
            Some(bases)
        }
    };
    let runs = match value.get("ours_runs") {
        None => None,
        Some(_) => Some([runs(value, "ours_runs")?, runs(value, "theirs_runs")?]),
    };
    let text = |name| text(value, name);
    Ok(Comparison { host: text("host")?, case: text("case")?, peer: text("peer")?, ours, theirs, bases, runs })
}

fn runs(value: &Value, name: &str) -> Result<Runs> {
    let runs = Runs { each: number(&value[name], "each")?, most: number(&value[name], "most")? };
    ensure!(1.0 <= runs.each && runs.each <= runs.most, "`{name}` cannot be: {runs:?}");
    Ok(runs)
}

fn text(value: &Value, name: &str) -> Result<String> {
    value[name].as_str().map(str::to_owned).with_context(|| format!("no text `{name}`"))
}

fn number(value: &Value, name: &str) -> Result<f64> {
    value[name].as_f64().with_context(|| format!("no number `{name}`"))
}

/// Costs are more than nothing: what the clock did not see cannot be compared.
fn costs(value: &Value, name: &str) -> Result<Vec<f64>> {
    let list = value[name].as_array().with_context(|| format!("no list `{name}`"))?;
    ensure!(!list.is_empty(), "an empty list `{name}`");
    list.iter()
        .map(|cost| cost.as_f64().filter(|&cost| cost > 0.0).with_context(|| format!("no cost in `{name}`: {cost}")))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str = r#"{"kind":"comparison","host":"node","case":"c","peer":"p","ours":[1,2.5],"theirs":[3,4]}"#;

    #[test]
    fn a_finding_is_read_and_other_lines_are_passed_over() {
        let Some(Finding::Comparison(read)) = Finding::read(LINE).unwrap() else { panic!("no comparison") };
        assert_eq!((read.host.as_str(), read.case.as_str(), read.peer.as_str()), ("node", "c", "p"));
        assert_eq!((read.ours, read.theirs, read.bases), (vec![1.0, 2.5], vec![3.0, 4.0], None));
        assert_eq!(Finding::read("enqueue, 10 waiters").unwrap(), None);
    }

    #[test]
    fn a_gain_has_a_base_for_each_side() {
        let line = LINE.replace("\"ours\"", "\"ours_base\":[5,6],\"theirs_base\":[7,8],\"ours\"");
        let Some(Finding::Comparison(read)) = Finding::read(&line).unwrap() else { panic!("no comparison") };
        assert_eq!(read.bases, Some([vec![5.0, 6.0], vec![7.0, 8.0]]));
        assert!(Finding::read(&line.replace("[7,8]", "[7]")).is_err());
    }

    #[test]
    fn bodies_run_once_at_least_and_never_more_often_than_at_most() {
        let with = |ours: &str| {
            let runs = format!("\"ours_runs\":{ours},\"theirs_runs\":{{\"each\":2,\"most\":9}},\"ours\"");
            Finding::read(&LINE.replace("\"ours\"", &runs))
        };
        let Some(Finding::Comparison(read)) = with(r#"{"each":1.5,"most":4}"#).unwrap() else {
            panic!("no comparison")
        };
        assert_eq!(read.runs, Some([Runs { each: 1.5, most: 4.0 }, Runs { each: 2.0, most: 9.0 }]));
        for wrong in [r#"{"each":0,"most":4}"#, r#"{"each":5,"most":4}"#, r#"{"each":1}"#, "1"] {
            assert!(with(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_cannot_be_compared_is_an_error() {
        for (from, to) in [
            ("[3,4]", "[3]"),
            ("[3,4]", "[]"),
            ("[3,4]", "[3,0]"),
            ("[3,4]", "[3,null]"),
            ("\"peer\":\"p\",", ""),
            ("comparison", "opinion"),
            ("}", ""),
        ] {
            let line = LINE.replace(from, to);
            assert!(Finding::read(&line).is_err(), "{line}");
        }
    }

    #[test]
    fn every_other_kind_is_read() {
        for line in [
            r#"{"kind":"size","host":"wasm","case":"binary","peer":"40 kB","ours":1,"theirs":2}"#,
            r#"{"kind":"point","host":"rust","plot":"waiters","series":"grant","x":10,"costs":[1.5]}"#,
            r#"{"kind":"memory","host":"rust","what":"waiter","side":"us","bytes":1,"allocations":0,"inline":8}"#,
            r#"{"kind":"left","host":"rust","side":"us","bytes":0,"of":100}"#,
        ] {
            assert!(Finding::read(line).unwrap().is_some(), "{line}");
        }
    }
}
