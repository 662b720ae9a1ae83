//! Scenarios are data: no runner or story knows one by its name.

use std::fs;

use crate::tree;

/// The names of the scenario files that consist of more than one word. Files that must be refused
/// are fixtures of the schema, not scenarios.
pub(crate) fn names() -> Vec<String> {
    let mut names = Vec::new();
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
                names.push(stem);
            }
        }
    }
    names
}

/// Where a file says one of the names in quotes.
pub(crate) fn named_in(path: &str, text: &str, names: &[String]) -> Vec<String> {
    let mut found = Vec::new();
    for (number, line) in text.lines().enumerate() {
        for name in names {
            let says = ['"', '\'', '`'].iter().any(|quote| {
                line.contains(&format!("{quote}{name}{quote}")) || line.contains(&format!("/{name}.json"))
            });
            if says {
                found.push(format!("{path}:{}: names the scenario `{name}`", number + 1));
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_in_quotes_is_refused() {
        let names = vec!["two-words".to_owned()];
        assert!(named_in("a.py", "# two words\nx = 'two'", &names).is_empty());
        for text in ["if name == \"two-words\":", "open('locks/two-words.json')"] {
            assert_eq!(named_in("a.py", text, &names).len(), 1, "{text}");
        }
    }
}
