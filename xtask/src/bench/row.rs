//! Rows: what was found beside the bar.

use serde_json::{Value, json};

use super::bars::Bar;
use super::finding::{Comparison, Finding, Runs};
use super::statistics::{Spread, spread};

/// A row of the table. Without a ratio it was to be measured, and was not.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Row {
    pub(super) bar: Bar,
    pub(super) measured: Option<Measured>,
}

/// What two sides cost, and how they compare.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Measured {
    pub(super) unit: Unit,
    pub(super) ours: f64,
    pub(super) theirs: f64,
    pub(super) ratio: Spread,
    pub(super) rounds: usize,
    /// How often the bodies of both sides ran, where they may run several times for each call.
    pub(super) runs: Option<[Runs; 2]>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    Nanoseconds,
    Bytes,
}

/// How a row stands to its bar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Met,
    Missed,
    /// There is no bar.
    Reported,
    NotMeasured,
    /// It cannot be measured before something else is built.
    Awaits,
}

/// The case of what is left in memory, and what it is compared with.
const LEFT: [&str; 2] = ["memory after release of everything", "itself at its most"];

/// Whose memory has a bar.
const OURS: &str = "Latchwork";

/// A row for each bar of these hosts, and for each comparison that has no entry among the bars.
pub(super) fn rows(bars: &[Bar], hosts: &[&str], findings: &[Finding]) -> Vec<Row> {
    let is_of_host = |bar: &&Bar| hosts.contains(&bar.host.as_str());
    let mut rows: Vec<Row> =
        bars.iter().filter(is_of_host).map(|bar| Row { bar: bar.clone(), measured: None }).collect();
    for finding in findings {
        let higher =
            |[host, case, peer]: [&str; 3]| bars.iter().any(|bar| bar.is(host, case, peer) && bar.higher_is_better);
        let Some((name, measured)) = measured(finding, higher) else { continue };
        let [host, case, peer] = name;
        match rows.iter_mut().find(|row| row.bar.is(host, case, peer)) {
            Some(row) => row.measured = Some(measured),
            None => rows.push(Row { bar: Bar::none(host, case, peer), measured: Some(measured) }),
        }
    }
    rows
}

/// What a finding says about a row, if it does; `higher` tells whether more is better there.
fn measured(finding: &Finding, higher: impl Fn([&str; 3]) -> bool) -> Option<([&str; 3], Measured)> {
    match finding {
        Finding::Comparison(comparison) => {
            let name = [&*comparison.host, &*comparison.case, &*comparison.peer];
            Some((name, Measured::over_rounds(comparison, higher(name))?))
        }
        Finding::Size { host, case, peer, ours, theirs } => {
            Some(([host, case, peer], Measured::once(Unit::Bytes, *ours, *theirs)?))
        }
        Finding::Left { host, side, bytes, of } if side == OURS => {
            Some(([host, LEFT[0], LEFT[1]], Measured::once(Unit::Bytes, *bytes, *of)?))
        }
        Finding::Left { .. } | Finding::Point { .. } | Finding::Memory { .. } => None,
    }
}

impl Measured {
    /// The median of the ratios of the rounds. Where more is better, it is throughput that is compared; where each side
    /// has a base, what it gained over that.
    fn over_rounds(comparison: &Comparison, higher_is_better: bool) -> Option<Measured> {
        let Comparison { ours, theirs, bases, runs, .. } = comparison;
        let ratio = |round: usize| {
            let base = bases.as_ref().map_or(1.0, |[our, their]| our[round] / their[round]);
            let cost = ours[round] / theirs[round] / base;
            if higher_is_better { cost.recip() } else { cost }
        };
        Some(Measured {
            unit: Unit::Nanoseconds,
            ours: spread(ours.iter().copied())?.median,
            theirs: spread(theirs.iter().copied())?.median,
            ratio: spread((0..ours.len()).map(ratio))?,
            rounds: ours.len(),
            runs: *runs,
        })
    }

    fn once(unit: Unit, ours: f64, theirs: f64) -> Option<Measured> {
        Some(Measured { unit, ours, theirs, ratio: spread([ours / theirs])?, rounds: 1, runs: None })
    }
}

impl Row {
    pub(super) fn verdict(&self) -> Verdict {
        match (&self.measured, self.bar.bar) {
            (None, _) if self.bar.awaits.is_some() => Verdict::Awaits,
            (None, _) => Verdict::NotMeasured,
            (Some(_), None) => Verdict::Reported,
            (Some(measured), Some(bar)) => {
                let ratio = measured.ratio.median;
                let met = if self.bar.higher_is_better { ratio >= bar } else { ratio <= bar };
                if met { Verdict::Met } else { Verdict::Missed }
            }
        }
    }

    /// The verdict in words.
    pub(super) fn says(&self) -> String {
        match (self.verdict(), &self.bar.awaits) {
            (Verdict::Met, _) => "met".to_owned(),
            (Verdict::Missed, _) => "missed".to_owned(),
            (Verdict::Reported, _) => "reported".to_owned(),
            (Verdict::Awaits, Some(what)) => format!("awaits {what}"),
            (Verdict::NotMeasured | Verdict::Awaits, _) => "not measured".to_owned(),
        }
    }

    /// The row for programs. Costs are in nanoseconds; where bytes are compared, those stand beside.
    pub(super) fn json(&self) -> Value {
        let Bar { host, case, peer, bar, higher_is_better, .. } = &self.bar;
        let side = |unit: Unit, value: fn(&Measured) -> f64| {
            self.measured.as_ref().filter(|measured| measured.unit == unit).map(value)
        };
        let mut row = json!({
            "host": host,
            "case": case,
            "ours_ns": side(Unit::Nanoseconds, |measured| measured.ours),
            "peer": peer,
            "peer_ns": side(Unit::Nanoseconds, |measured| measured.theirs),
            "ratio": self.measured.as_ref().map(|measured| measured.ratio.median),
            "bar": bar,
            "higher_is_better": higher_is_better,
            "low": self.measured.as_ref().map(|measured| measured.ratio.low),
            "high": self.measured.as_ref().map(|measured| measured.ratio.high),
            "rounds": self.measured.as_ref().map(|measured| measured.rounds),
            "verdict": self.says(),
        });
        if let (Some(ours), Some(theirs)) = (side(Unit::Bytes, |m| m.ours), side(Unit::Bytes, |m| m.theirs)) {
            row["ours_bytes"] = json!(ours);
            row["peer_bytes"] = json!(theirs);
        }
        if let Some([ours, theirs]) = self.measured.as_ref().and_then(|measured| measured.runs) {
            for (name, value) in [
                ("ours_runs", ours.each),
                ("ours_most_runs", ours.most),
                ("peer_runs", theirs.each),
                ("peer_most_runs", theirs.most),
            ] {
                row[name] = json!(value);
            }
        }
        row
    }
}

impl Bar {
    fn is(&self, host: &str, case: &str, peer: &str) -> bool {
        self.host == host && self.case == case && self.peer == peer
    }

    /// For what has no entry among the bars.
    fn none(host: &str, case: &str, peer: &str) -> Bar {
        let [host, case, peer] = [host, case, peer].map(str::to_owned);
        Bar { host, case, peer, bar: None, higher_is_better: false, awaits: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bar(bar: Option<f64>, higher_is_better: bool) -> Bar {
        Bar { bar, higher_is_better, ..Bar::none("rust", "c", "p") }
    }

    fn comparison(ours: &[f64], theirs: &[f64]) -> Finding {
        let [host, case, peer] = ["rust", "c", "p"].map(str::to_owned);
        Finding::Comparison(Comparison {
            host,
            case,
            peer,
            ours: ours.into(),
            theirs: theirs.into(),
            bases: None,
            runs: None,
        })
    }

    fn only(bar: Bar, finding: Finding) -> Row {
        let mut rows = rows(&[bar], &["rust"], &[finding]);
        assert_eq!(rows.len(), 1);
        rows.remove(0)
    }

    #[test]
    fn the_ratio_is_the_median_of_the_ratios_of_the_rounds() {
        // The machine was slow in one round for both, and in another for ours only.
        let row =
            only(bar(Some(0.5), false), comparison(&[10.0, 100.0, 10.0, 70.0, 10.0], &[20.0, 200.0, 20.0, 20.0, 25.0]));
        let measured = row.measured.as_ref().unwrap();
        assert_eq!((measured.ratio.median, measured.ours, measured.theirs, measured.rounds), (0.5, 10.0, 20.0, 5));
        assert_eq!(row.verdict(), Verdict::Met);
    }

    #[test]
    fn a_bar_is_met_on_its_line_and_missed_beyond() {
        for (ours, limit, higher, verdict) in [
            (10.0, Some(0.5), false, Verdict::Met),
            (10.1, Some(0.5), false, Verdict::Missed),
            (10.0, Some(2.0), true, Verdict::Met),
            (10.1, Some(2.0), true, Verdict::Missed),
            (10.0, None, false, Verdict::Reported),
        ] {
            assert_eq!(only(bar(limit, higher), comparison(&[ours], &[20.0])).verdict(), verdict, "{ours} {limit:?}");
        }
    }

    #[test]
    fn a_gain_is_compared_with_a_gain() {
        let Finding::Comparison(mut found) = comparison(&[50.0], &[40.0]) else { unreachable!() };
        // Ours went from 100 to 50, theirs from 60 to 40: twice against one and a half times.
        found.bases = Some([vec![100.0], vec![60.0]]);
        let row = only(bar(Some(1.0), true), Finding::Comparison(found));
        assert!((row.measured.unwrap().ratio.median - 2.0 / 1.5).abs() < 1e-9);
    }

    #[test]
    fn a_row_that_nobody_measured_is_there_and_says_so() {
        let bars = [bar(Some(1.0), false), Bar { host: "node".to_owned(), ..bar(None, false) }];
        let rows = rows(&bars, &["rust"], &[]);
        assert_eq!(rows.len(), 1);
        assert_eq!(rows[0].verdict(), Verdict::NotMeasured);
        assert_eq!(rows[0].json()["ratio"], Value::Null);
        let awaiting = Bar { awaits: Some("tabs:".to_owned()), ..bar(Some(1.0), false) };
        let rows = super::rows(&[awaiting], &["rust"], &[]);
        assert_eq!((rows[0].verdict(), &rows[0].json()["verdict"]), (Verdict::Awaits, &json!("awaits tabs:")));
    }

    #[test]
    fn a_measurement_without_a_bar_is_reported() {
        let rows = rows(&[], &["rust"], &[comparison(&[1.0], &[2.0])]);
        assert_eq!(rows[0].verdict(), Verdict::Reported);
    }

    #[test]
    fn only_our_own_memory_has_a_row() {
        let left = |side: &str| Finding::Left { host: "rust".to_owned(), side: side.to_owned(), bytes: 0.0, of: 9.0 };
        let rows = rows(&[], &["rust"], &[left("DashMap"), left("Latchwork")]);
        assert_eq!(rows.len(), 1);
        assert_eq!(rows[0].measured.as_ref().unwrap().ratio.median, 0.0);
    }

    #[test]
    fn a_row_is_json_with_the_agreed_names() {
        let row = only(bar(Some(0.75), false), comparison(&[10.0], &[20.0])).json();
        let wanted = json!({"host": "rust", "case": "c", "ours_ns": 10.0, "peer": "p", "peer_ns": 20.0, "ratio": 0.5,
            "bar": 0.75, "higher_is_better": false});
        for (name, value) in wanted.as_object().unwrap() {
            assert_eq!(&row[name], value, "{name}");
        }
        let Finding::Comparison(mut found) = comparison(&[10.0], &[20.0]) else { unreachable!() };
        found.runs = Some([Runs { each: 1.5, most: 4.0 }, Runs { each: 3.0, most: 20.0 }]);
        let row = only(bar(None, false), Finding::Comparison(found)).json();
        let runs = ["ours_runs", "ours_most_runs", "peer_runs", "peer_most_runs"].map(|name| row[name].as_f64());
        assert_eq!(runs, [1.5, 4.0, 3.0, 20.0].map(Some));
        let size = Finding::Size { host: "rust".into(), case: "c".into(), peer: "p".into(), ours: 30.0, theirs: 40.0 };
        let row = only(bar(Some(1.0), false), size).json();
        assert_eq!((&row["ours_ns"], &row["ours_bytes"], &row["ratio"]), (&Value::Null, &json!(30.0), &json!(0.75)));
    }
}
