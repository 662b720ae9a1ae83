//! What documents link to is there, and each guarantee of the front page links to a test of the name that it says.

use std::collections::BTreeMap;

use crate::citations;

/// Where the front page says what can be relied on.
const GUARANTEES: &str = "## What you can rely on";

/// A link as it is written: its text and its target.
type Link<'a> = (&'a str, &'a str);

/// Links of a document to files or folders of the repository that are not there, or to parts that a document has not.
///
/// `read` answers the text of a file, an empty one for a folder.
pub(crate) fn broken(path: &str, text: &str, read: impl Fn(&str) -> Option<String>) -> Vec<String> {
    let mut found = Vec::new();
    let mut in_example = false;
    for (number, line) in text.lines().enumerate() {
        in_example ^= line.trim_start().starts_with("```");
        if in_example {
            continue;
        }
        for (_, target) in links(line) {
            let Some(file) = file(path, target) else { continue };
            let part = target.split_once('#').map(|(_, part)| part).filter(|_| file.ends_with(".md"));
            if !read(&file).is_some_and(|text| part.is_none_or(|part| has_part(&text, part))) {
                found.push(format!("{path}:{}: there is no {target}", number + 1));
            }
        }
    }
    found
}

/// Lines of the guarantees that do not link to a test, or to one that is not in its file.
pub(crate) fn unshown(readme: &str, sources: &BTreeMap<String, String>) -> Vec<String> {
    let section = readme.split(GUARANTEES).nth(1).and_then(|after| after.split("\n## ").next()).unwrap_or_default();
    let rows = section.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| |"));
    let mut found = Vec::new();
    let mut count = 0;
    for row in rows {
        count += 1;
        let by: Vec<Link<'_>> =
            row.trim_end_matches([' ', '|']).rsplit(" | ").next().into_iter().flat_map(links).collect();
        if by.is_empty() || !by.iter().all(|(name, target)| is_test(name.trim_matches('`'), target, sources)) {
            found.push(format!("no test shows: {row}"));
        }
    }
    if count == 0 {
        found.push("there are no guarantees".to_owned());
    }
    found
}

/// A scenario that must pass, by its file; a test of Rust, by its name.
fn is_test(name: &str, target: &str, sources: &BTreeMap<String, String>) -> bool {
    let Some(text) = sources.get(target) else { return false };
    let scenario = target.strip_prefix("tests/scenarios/").filter(|path| !path.starts_with("must-"));
    match scenario.and_then(|path| path.split_once('/')) {
        Some((_, file)) => file.strip_suffix(".json") == Some(name),
        None => citations::tests(text, name),
    }
}

/// Whether a document has a heading that is linked to by this name.
fn has_part(text: &str, part: &str) -> bool {
    let name = |heading: &str| -> String {
        let heading = heading.trim_start_matches('#').trim().to_lowercase();
        let kept = heading.chars().filter(|&letter| letter.is_alphanumeric() || " -_".contains(letter));
        kept.map(|letter| if letter == ' ' { '-' } else { letter }).collect()
    };
    text.lines().filter(|line| line.starts_with('#')).any(|heading| name(heading) == part)
}

/// The links of a line.
fn links(line: &str) -> impl Iterator<Item = Link<'_>> {
    line.match_indices("](").filter_map(move |(at, _)| {
        let text = &line[line[..at].rfind('[')? + 1..at];
        let after = &line[at + 2..];
        Some((text, &after[..after.find(')')?]))
    })
}

/// The path from the root that a link in a document leads to; none where it leads elsewhere, or to an item of Rust.
fn file(document: &str, target: &str) -> Option<String> {
    let target = target.split('#').next().filter(|target| !target.is_empty())?;
    if target.contains(':') {
        return None;
    }
    let mut parts: Vec<&str> = document.split('/').collect();
    parts.pop();
    for part in target.split('/') {
        match part {
            ".." => drop(parts.pop()),
            "." | "" => {}
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn broken_in(text: &str) -> Vec<String> {
        let texts = [("a/b/c.md", ""), ("a/d.md", "# D\n\n## Its `Part`, two\n"), ("e", ""), ("a/b", "")];
        broken("a/b/doc.md", text, |path| texts.iter().find(|(at, _)| *at == path).map(|(_, text)| text.to_string()))
    }

    #[test]
    fn links_to_what_is_there_are_right() {
        let text = "[c](c.md), [d](../d.md#its-part-two) and [e](../../e) [b](.)\n[x](https://x.org/y.md) [here](#part) [`Space`](crate::Space)\n\
                    ```\n[no](link.md)\n```\n";
        assert_eq!(broken_in(text), Vec::<String>::new());
    }

    #[test]
    fn links_to_nothing_are_told() {
        assert_eq!(broken_in("\n[c](../c.md)"), ["a/b/doc.md:2: there is no ../c.md"]);
        assert_eq!(broken_in("[c](c.md) [f](f.md)").len(), 1);
        assert_eq!(broken_in("[c](c.md#part) [d](../d.md#part) [f](f.md#part)").len(), 3);
        assert_eq!(broken_in("```\n```\n[f](f.md)").len(), 1, "after an example");
    }

    fn unshown_in(row: &str) -> Vec<String> {
        let source = |path: &str, text: &str| (path.to_owned(), text.to_owned());
        let sources = BTreeMap::from([
            source("tests/scenarios/locks/two-words.json", "{}"),
            source("tests/scenarios/must-fail/bad-words.json", "{}"),
            source("tests/rust/tests/a.rs", "#[test]\nfn works() {}\n\nfn helps() {}"),
        ]);
        unshown(
            &format!("# T\n\n{GUARANTEES}\n\n| | | shown by |\n|---|---|---|\n{row}\n## Next\n\n| a | b |\n"),
            &sources,
        )
    }

    #[test]
    fn a_guarantee_with_its_test_is_right() {
        for row in [
            "| A | b | [`two-words`](tests/scenarios/locks/two-words.json) |\n",
            "| A | [b](x.md) | [`works`](tests/rust/tests/a.rs), [`two-words`](tests/scenarios/locks/two-words.json) |\n",
        ] {
            assert_eq!(unshown_in(row), Vec::<String>::new(), "{row}");
        }
    }

    #[test]
    fn a_guarantee_without_its_test_is_told() {
        for row in [
            "",
            "| A | b | none |\n",
            "| A | b | [`two-words`](tests/scenarios/locks/one-word.json) |\n",
            "| A | b | [`one-word`](tests/scenarios/locks/two-words.json) |\n",
            "| A | b | [`bad-words`](tests/scenarios/must-fail/bad-words.json) |\n",
            "| A | [b](x.md) | [`works`](tests/rust/tests/a.rs), [`helps`](tests/rust/tests/a.rs) |\n",
            "| A | [`works`](tests/rust/tests/a.rs) | none |\n",
            "| A | b | [`helps`](tests/rust/tests/a.rs) |\n",
        ] {
            assert_eq!(unshown_in(row).len(), 1, "{row}");
        }
    }
}
