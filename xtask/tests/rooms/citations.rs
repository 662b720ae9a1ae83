//! What the semantics chapter says that a clause is shown by is there.

use std::collections::BTreeSet;

use crate::tree;

/// What can be cited.
pub(crate) struct Shown {
    /// The stems of the scenario files that must pass.
    scenarios: BTreeSet<String>,
    /// Paths and texts of sources.
    sources: Vec<(String, String)>,
}

impl Shown {
    pub(crate) fn here() -> Shown {
        let scenario = |path: String| {
            let (folder, file) = path.strip_prefix("tests/scenarios/")?.split_once('/')?;
            let stem = file.strip_suffix(".json").filter(|_| !folder.starts_with("must-"))?;
            Some(stem.to_owned())
        };
        let scenarios = tree::files(&["json"]).into_iter().filter_map(|(path, _)| scenario(path)).collect();
        Shown { scenarios, sources: tree::files(&["rs", "mjs", "py"]) }
    }

    /// A scenario; a test of Python or JavaScript by its file; a module of the core, or a test in one; a test, a test
    /// module or a model by its own name.
    fn has(&self, name: &str) -> bool {
        if self.scenarios.contains(name) {
            return true;
        }
        match name.rsplit_once("::") {
            Some((file, test)) if file.contains('.') => self.has_in_host(file, test),
            Some((module, last)) => self.has_in_core(module, last),
            None => self.says("", |path, text| {
                let module = path.starts_with("tests/") && text.contains(&format!("mod {name};"));
                path.ends_with(".rs") && (module || text.contains(&format!("check(\"{name}\"")) || tests(text, name))
            }),
        }
    }

    fn has_in_host(&self, file: &str, test: &str) -> bool {
        let (folder, is) = match file.rsplit_once('.') {
            Some((_, "py")) if test.starts_with("test_") => ("tests/python/", format!("def {test}(")),
            Some((_, "mjs")) => ("tests/js/", format!("run: {test} }}")),
            _ => return false,
        };
        self.says(folder, |path, text| path[folder.len()..] == *file && text.contains(&is))
    }

    fn has_in_core(&self, module: &str, last: &str) -> bool {
        let module = format!("core/src/{}", module.replace("::", "/"));
        let folder = format!("{module}/{last}");
        let is = |path: &str, of: &str| path == format!("{of}.rs") || path == format!("{of}/mod.rs");
        let inner = format!("mod {last} {{");
        self.says(&module, |path, text| {
            is(path, &folder) || is(path, &module) && (text.contains(&inner) || tests(text, last))
        })
    }

    /// A story says its number in its first line.
    fn has_story(&self, number: &str) -> bool {
        self.says("tests/", |path, text| {
            let first = text.lines().next().unwrap_or_default();
            let words = first.split(|letter: char| !letter.is_ascii_alphanumeric());
            path.contains("stories") && words.into_iter().any(|word| word == number)
        })
    }

    fn says(&self, under: &str, it: impl Fn(&str, &str) -> bool) -> bool {
        self.sources.iter().any(|(path, text)| path.starts_with(under) && it(path, text))
    }
}

/// Whether a source has a test of this name.
pub(crate) fn tests(text: &str, name: &str) -> bool {
    let Some(at) = text.find(&format!("fn {name}(")) else { return false };
    // Its attributes are right above it.
    text[..at].rsplit("\n\n").next().is_some_and(|above| above.contains("#[test]"))
}

/// What the clauses of a chapter cite and nobody has. Each clause is a row: its name, its promise, what shows it.
pub(crate) fn missing(chapter: &str, shown: &Shown) -> Vec<String> {
    let mut found = Vec::new();
    for row in chapter.lines().filter(|line| line.starts_with("| **")) {
        let cells: Vec<&str> = row.trim_end().trim_end_matches('|').rsplitn(2, " | ").collect();
        let (by, clause) = (cells[0].trim(), row.split("**").nth(1).unwrap_or_default());
        if by.is_empty() {
            found.push(format!("{clause}: cites nothing"));
        }
        let names = by.split('`').skip(1).step_by(2);
        found.extend(names.filter(|name| !shown.has(name)).map(|name| format!("{clause}: there is no `{name}`")));
        let stories = by.split("story ").skip(1).filter_map(|after| after.split(|c: char| !c.is_alphanumeric()).next());
        found
            .extend(stories.filter(|story| !shown.has_story(story)).map(|story| format!("{clause}: no story {story}")));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown() -> Shown {
        let source = |path: &str, text: &str| (path.to_owned(), text.to_owned());
        Shown {
            scenarios: BTreeSet::from(["two-words".to_owned()]),
            sources: vec![
                source("core/src/a/b.rs", "mod tests {\n#[test]\nfn it_works() {}"),
                source("core/src/a/model/mod.rs", "//! searches"),
                source("core/src/plain.rs", "mod modules;\n\n#[test]\nfn one() {}\n\nfn no_test() {}"),
                source("tests/models/tests/loom/m.rs", "check(\"circle\", 3, circle);"),
                source("tests/rust/tests/stories/s.rs", "//! S1, the first"),
                source("tests/python/test_a.py", "def helper():\n    pass\n\n\nasync def test_it(api):\n    pass"),
                source(
                    "tests/js/units/a.mjs",
                    "function help() {}\nexport const tests = [{ name: \"it\", run: works }];",
                ),
            ],
        }
    }

    fn chapter(by: &str) -> String {
        format!("| clause | promise | shown by |\n|---|---|---|\n| **L1** one | `promised` | {by} |\n")
    }

    #[test]
    fn what_is_there_may_be_cited() {
        let by = "`two-words`, `a::b::tests`, `a::b::it_works`, `it_works`, `a::model`, model `circle`, `test_a.py::test_it`, \
             `units/a.mjs::works`, story S1 (prose)";
        assert_eq!(missing(&chapter(by), &shown()), Vec::<String>::new());
    }

    #[test]
    fn what_is_not_there_is_told() {
        for by in [
            "`three-words`",
            "`a::c::tests`",
            "`a::b::fails`",
            "`no_test`",
            "`modules`",
            "`circles`",
            "`test_a.py::helper`",
            "`test_a.py::test_that`",
            "`test_b.py::test_it`",
            "`units/a.mjs::help`",
            "`a.mjs::works`",
            "story S10",
            "",
        ] {
            assert_eq!(missing(&chapter(by), &shown()).len(), 1, "{by}");
        }
    }
}
