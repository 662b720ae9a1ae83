//! The public functions of the crate, read from its sources: what is there must be in the table.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// `Space::lock` and its like: the public functions of the types that the crate's root offers.
pub(crate) fn public_functions() -> BTreeSet<String> {
    let root = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../core/src"));
    let types = public_names(&read(&root.join("lib.rs")));
    let mut found = BTreeSet::new();
    for file in sources(&root) {
        let mut owner = None;
        for line in read(&file).lines() {
            if line.starts_with("impl") {
                owner = owner_of(line).filter(|owner| types.contains(owner));
                if line.starts_with("impl TryFrom<")
                    && let Some(owner) = &owner
                {
                    found.insert(format!("{owner}::try_from"));
                }
            } else if line == "}" {
                owner = None;
            }
            if let (Some(owner), Some(name)) = (&owner, function_of(line)) {
                found.insert(format!("{owner}::{name}"));
            }
        }
    }
    found
}

/// The names of `pub use crate::path::{One, Other};` lines.
fn public_names(root: &str) -> BTreeSet<String> {
    let lists = root.lines().filter_map(|line| line.strip_prefix("pub use crate::"));
    let lists = lists.filter_map(|path| path.rsplit("::").next());
    let names = lists.flat_map(|list| list.split(|c: char| !c.is_alphanumeric()));
    names.filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

/// The type that an `impl` line is about: `Guard` of `impl Drop for Guard {`, `Url` of `impl<'a> Url<'a> {`.
fn owner_of(line: &str) -> Option<String> {
    let line = line.strip_prefix("impl")?;
    let after_generics = match line.strip_prefix('<') {
        Some(generics) => &generics[closing(generics)?..],
        None => line,
    };
    let named = after_generics.split(" for ").last()?.trim_start();
    let end = named.find(|c: char| !c.is_alphanumeric()).unwrap_or(named.len());
    Some(named[..end].to_owned())
}

/// Where the angle bracket that was opened before the text is closed, and one further.
fn closing(text: &str) -> Option<usize> {
    let mut depth = 1;
    let previous = std::iter::once(' ').chain(text.chars());
    for ((at, c), before) in text.char_indices().zip(previous) {
        match c {
            '<' => depth += 1,
            '>' if before != '-' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return Some(at + 1);
        }
    }
    None
}

/// The name of a public function that begins on this line of an `impl` block.
fn function_of(line: &str) -> Option<&str> {
    let mut line = line.strip_prefix("    pub ")?;
    for word in ["const ", "async "] {
        line = line.strip_prefix(word).unwrap_or(line);
    }
    let name = line.strip_prefix("fn ")?;
    name.find(|c: char| !c.is_alphanumeric() && c != '_').map(|end| &name[..end])
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("the folder can be read").map(|entry| entry.expect("an entry").path());
    let one = |path: PathBuf| match path.is_dir() {
        true => sources(&path),
        false => vec![path],
    };
    entries.flat_map(one).filter(|path| path.extension().is_some_and(|end| end == "rs")).collect()
}

fn read(file: &Path) -> String {
    fs::read_to_string(file).expect("the file can be read")
}

#[test]
fn lines_are_read_as_they_are_meant() {
    assert_eq!(owner_of("impl<S: FnMut(Duration) -> F, F> Drive<S, F> {").as_deref(), Some("Drive"));
    assert_eq!(owner_of("impl<'a> IntoFuture for TryLock<'a> {").as_deref(), Some("TryLock"));
    assert_eq!(function_of("    pub async fn query(&self) -> Result<Query, Error> {"), Some("query"));
    assert_eq!(function_of("    pub(crate) fn engine(&self) -> &Memory {"), None);
    assert_eq!(function_of("    fn poll(mut self: Pin<&mut Self>) {"), None);
}
