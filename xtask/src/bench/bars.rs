//! The bars, which are data: `bench/bars.json`.

use std::fs;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::process::root;

const FILE: &str = "bench/bars.json";

/// What a ratio of us to a peer should be.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Bar {
    pub(super) host: String,
    pub(super) case: String,
    pub(super) peer: String,
    /// `None`: it is only reported.
    pub(super) bar: Option<f64>,
    pub(super) higher_is_better: bool,
    /// What must be there before it can be measured, if that is not built yet.
    pub(super) awaits: Option<String>,
}

/// Every row that a full run must bring, in the order of the table.
pub(super) fn read() -> Result<Vec<Bar>> {
    let text = fs::read_to_string(root().join(FILE)).with_context(|| format!("no {FILE}"))?;
    parse(&text).with_context(|| format!("{FILE} is not as it should be"))
}

fn parse(text: &str) -> Result<Vec<Bar>> {
    let value: Value = serde_json::from_str(text)?;
    value.as_array().context("it is no list")?.iter().map(bar).collect()
}

fn bar(value: &Value) -> Result<Bar> {
    let text = |name: &str| {
        value[name].as_str().map(str::to_owned).with_context(|| format!("a row has no text `{name}`: {value}"))
    };
    let awaits = match &value["awaits"] {
        Value::Null => None,
        _ => Some(text("awaits")?),
    };
    let bar = match &value["bar"] {
        Value::Null => None,
        bar => Some(bar.as_f64().with_context(|| format!("a bar is no number: {value}"))?),
    };
    let higher_is_better = match &value["higher_is_better"] {
        Value::Null => false,
        higher => higher.as_bool().with_context(|| format!("`higher_is_better` is not true or false: {value}"))?,
    };
    Ok(Bar { host: text("host")?, case: text("case")?, peer: text("peer")?, bar, higher_is_better, awaits })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bars_are_read_and_each_row_is_there_once() {
        let bars = read().unwrap();
        for host in ["rust", "node", "python", "wasm", "chromium", "firefox"] {
            assert!(bars.iter().any(|bar| bar.host == host), "{host}");
        }
        for (place, bar) in bars.iter().enumerate() {
            let name = |bar: &Bar| (bar.host.clone(), bar.case.clone(), bar.peer.clone());
            assert!(!bars[..place].iter().any(|other| name(other) == name(bar)), "{bar:?}");
        }
    }

    #[test]
    fn a_row_that_is_wrong_is_an_error() {
        let good = r#"[{"host":"a","case":"b","peer":"c","bar":1.5,"awaits":"d"}]"#;
        let read = &parse(good).unwrap()[0];
        assert_eq!((read.bar, read.awaits.as_deref()), (Some(1.5), Some("d")));
        for (from, to) in [
            ("1.5", "\"fast\""),
            ("\"peer\":\"c\",", ""),
            ("[", ""),
            ("1.5", "1, \"higher_is_better\": 2"),
            ("\"d\"", "4"),
        ] {
            assert!(parse(&good.replacen(from, to, 1)).is_err(), "{from} -> {to}");
        }
    }
}
