//! Scenarios are data: no runner or story knows one by its name.

use std::collections::BTreeSet;
use std::fs;

use crate::tree;

/// The names of the scenario files that consist of more than one word. Files that must be refused
/// are fixtures of the schema, not scenarios.
pub(crate) fn names() -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let folder = tree::root().join("tests/scenarios");
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.ends_with("must-reject") {
            continue;
        }
        for file in fs::read_dir(path).into_iter().flatten() {
            let path = file.unwrap().path();
            let stem = path.file_stem().unwrap().to_string_lossy().into_owned();
            if path.extension().is_some_and(|extension| extension == "json") && stem.contains(['-', '_']) {
                names.insert(stem);
            }
        }
    }
    names
}

/// Where a file says one of the names in quotes, or as a file.
pub(crate) fn named_in(path: &str, text: &str, names: &BTreeSet<String>) -> Vec<String> {
    let mut found = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let said: BTreeSet<&str> = quoted(line).chain(files(line)).filter(|said| names.contains(*said)).collect();
        found.extend(said.iter().map(|name| format!("{path}:{}: names the scenario `{name}`", number + 1)));
    }
    found
}

/// What stands between two quotes of a kind.
fn quoted(line: &str) -> impl Iterator<Item = &str> {
    ['"', '\'', '`'].into_iter().flat_map(move |quote| {
        let mut parts = line.split(quote).skip(1).peekable();
        // Nothing closes the last one.
        std::iter::from_fn(move || parts.next().filter(|_| parts.peek().is_some()))
    })
}

/// What stands between a slash and `.json`.
fn files(line: &str) -> impl Iterator<Item = &str> {
    line.match_indices(".json").filter_map(|(end, _)| Some(&line[line[..end].rfind('/')? + 1..end]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_in_quotes_is_refused() {
        let names = BTreeSet::from(["two-words".to_owned()]);
        for text in ["# two words\nx = 'two'", "it's two-words", "two-words.json", "'two-words\""] {
            assert!(named_in("a.py", text, &names).is_empty(), "{text}");
        }
        for text in ["if name == \"two-words\":", "it's `a` or 'two-words'", "open('locks/two-words.json')"] {
            assert_eq!(named_in("a.py", text, &names).len(), 1, "{text}");
        }
    }
}
