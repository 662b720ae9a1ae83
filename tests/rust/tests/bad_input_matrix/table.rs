//! The table of bad input as Rust reads it: see `tests/bad-input/README.md`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use serde::Deserialize;
use serde_json::Value;

#[derive(Deserialize)]
pub(crate) struct Table {
    pub(crate) values: BTreeMap<String, Spellings>,
    sets: BTreeMap<String, Vec<String>>,
    kinds: BTreeMap<String, Kind>,
    operations: Vec<Listed>,
    exempt: BTreeMap<String, BTreeMap<String, Vec<String>>>,
}

#[derive(Deserialize)]
pub(crate) struct Spellings {
    pub(crate) rust: Value,
}

#[derive(Deserialize)]
struct Kind {
    /// Absent where no operation of this language has such a parameter.
    rust: Option<Typed>,
}

/// A parameter has a type here: values that do not have it are refused by the compiler.
#[derive(Deserialize)]
struct Typed {
    right: Vec<String>,
    wrong: Vec<String>,
}

#[derive(Deserialize)]
struct Listed {
    name: String,
    #[serde(default)]
    receivers: BTreeMap<String, String>,
    rust: Option<Operation>,
}

#[derive(Clone, Deserialize)]
pub(crate) struct Operation {
    #[serde(skip)]
    pub(crate) name: String,
    #[serde(skip)]
    pub(crate) receivers: BTreeMap<String, String>,
    pub(crate) members: Vec<String>,
    /// Each with its kind.
    pub(crate) parameters: BTreeMap<String, String>,
}

impl Table {
    /// Reads the table, and refuses one that does not keep to its schema.
    pub(crate) fn read() -> Table {
        let read = |file: &str| -> Value {
            let path = format!("{}/../bad-input/{file}", env!("CARGO_MANIFEST_DIR"));
            serde_json::from_str(&fs::read_to_string(path).expect("the file is there")).expect("the file is JSON")
        };
        let table = read("table.json");
        let schema = jsonschema::validator_for(&read("schema.json")).expect("a schema");
        let refused: Vec<String> = schema.iter_errors(&table).map(|error| error.to_string()).collect();
        assert!(refused.is_empty(), "the table is refused: {refused:?}");
        serde_json::from_value(table).expect("the table is as the schema says")
    }

    /// The operations that this language has.
    pub(crate) fn operations(&self) -> Vec<Operation> {
        let own = |listed: &Listed| {
            let (name, receivers) = (listed.name.clone(), listed.receivers.clone());
            listed.rust.clone().map(|operation| Operation { name, receivers, ..operation })
        };
        self.operations.iter().filter_map(own).collect()
    }

    /// The values that a parameter of this kind can be given, and whether each is right.
    pub(crate) fn values_at(&self, kind: &str) -> Vec<(String, bool)> {
        let typed = self.kinds.get(kind).and_then(|kind| kind.rust.as_ref());
        let typed = typed.unwrap_or_else(|| panic!("no such kind in Rust: {kind}"));
        let right = self.expand(&typed.right).into_iter().map(|value| (value, true));
        let wrong = self.expand(&typed.wrong).into_iter().map(|value| (value, false));
        let all: Vec<(String, bool)> = right.chain(wrong).collect();
        let distinct: BTreeSet<&String> = all.iter().map(|(value, _)| value).collect();
        assert_eq!(distinct.len(), all.len(), "{kind} names a value twice");
        all
    }

    /// Public functions without an argument that could be wrong.
    pub(crate) fn exempt(&self) -> Vec<String> {
        self.exempt["rust"].values().flatten().cloned().collect()
    }

    fn expand(&self, names: &[String]) -> Vec<String> {
        let one = |name: &String| self.sets.get(name).map_or_else(|| vec![name.clone()], |set| self.expand(set));
        names.iter().flat_map(one).collect()
    }
}
