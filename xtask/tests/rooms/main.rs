//! The rooms check: who may import and name what, so that the architecture stays true.
//!
//! `rules` says what is forbidden where, `source` reads Rust without its comments, `citations` and `links` look for what the
//! documents name, `sizes` reports (and does not enforce) what has grown large. Each rule has a fixture that it must refuse.

mod citations;
mod links;
mod manifests;
mod rules;
mod scenarios;
mod sizes;
mod source;
mod tree;

use source::Source;

/// The crates' own Rust files, parsed.
fn sources() -> Vec<Source> {
    let sources: Vec<Source> = tree::files(&["rs"])
        .into_iter()
        .map(|(path, text)| Source::parse(&path, &text).unwrap_or_else(|error| panic!("{error}")))
        .collect();
    assert!(sources.iter().any(|source| source.path == "core/src/lib.rs"), "the core is not found");
    sources
}

#[test]
fn the_rooms_are_kept() {
    let found: Vec<String> = sources().iter().flat_map(rules::check).collect();
    assert!(found.is_empty(), "\n{}", found.join("\n"));
}

#[test]
fn the_arrows_point_down() {
    let found: Vec<String> =
        tree::manifests().into_iter().flat_map(|(path, text)| manifests::check(&path, &text)).collect();
    assert!(found.is_empty(), "\n{}", found.join("\n"));
}

#[test]
fn runners_know_no_scenario_by_name() {
    let names = scenarios::names();
    assert!(!names.is_empty(), "there are no scenario files");
    let found: Vec<String> = tree::files(&["rs", "ts", "js", "py"])
        .iter()
        .flat_map(|(path, text)| scenarios::named_in(path, text, &names))
        .collect();
    assert!(found.is_empty(), "\n{}", found.join("\n"));
}

#[test]
fn what_the_semantics_cite_is_there() {
    let (_, chapter) = tree::files(&["md"])
        .into_iter()
        .find(|(path, _)| path == "core/src/docs/semantics.md")
        .expect("the chapter is there");
    let clauses = chapter.lines().filter(|line| line.starts_with("| **")).count();
    assert!(clauses > 20, "only {clauses} clauses are found");
    let found = citations::missing(&chapter, &citations::Shown::here());
    assert!(found.is_empty(), "\n{}", found.join("\n"));
}

#[test]
fn what_documents_link_to_is_there() {
    let read = |path: &str| {
        let path = tree::root().join(path);
        path.exists().then(|| std::fs::read_to_string(path).unwrap_or_default())
    };
    let found: Vec<String> =
        tree::files(&["md"]).iter().flat_map(|(path, text)| links::broken(path, text, read)).collect();
    assert!(found.is_empty(), "\n{}", found.join("\n"));
}

#[test]
fn each_guarantee_links_to_a_test() {
    let readme = std::fs::read_to_string(tree::root().join("README.md")).expect("the front page is there");
    let found = links::unshown(&readme, &tree::files(&["rs", "json"]).into_iter().collect());
    assert!(found.is_empty(), "\n{}", found.join("\n"));
}

#[test]
fn sizes_and_headings_are_reported() {
    for (path, text) in tree::files(&["rs", "ts", "js", "py"]) {
        if let Some(line) = sizes::long_file(&path, &text) {
            println!("report: {line}");
        }
        if path.ends_with(".rs") {
            for line in sizes::headings(&path, &text) {
                println!("report: {line}");
            }
        }
    }
    for source in sources() {
        for line in sizes::long_functions(&source) {
            println!("report: {line}");
        }
    }
}
