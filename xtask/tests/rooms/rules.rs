//! What is forbidden where. Each rule answers one line per place, with the reason.

use crate::source::{Named, Source};

/// The core's plain types, which every room of the core may use.
const PLAIN: [&str; 5] = ["error", "key", "query", "ticket", "signature"];

/// The one file of the machine that may name a counter shared between shards.
const SPANNING: &str = "core/src/machine/spanning.rs";

/// What the pure rooms may use of the standard library.
const PURE_STD: [&[&str]; 15] = [
    &["std", "any"],
    &["std", "array"],
    &["std", "borrow"],
    &["std", "cmp"],
    &["std", "collections"],
    &["std", "convert"],
    &["std", "fmt"],
    &["std", "hash"],
    &["std", "iter"],
    &["std", "marker"],
    &["std", "mem"],
    &["std", "num"],
    &["std", "ops"],
    &["std", "slice"],
    &["std", "time", "Duration"],
];

/// Crates that the pure rooms may use.
const PURE_CRATES: [&str; 4] = ["slab", "smallvec", "hashbrown", "foldhash"];

/// Crates that the rest of the core may use.
const IMPURE_CRATES: [&str; 5] = ["futures", "futures_core", "parking_lot", "loom", "shuttle"];

/// Names that a pure room never says, however they came into scope.
const IMPURE_NAMES: [&str; 16] = [
    "Arc",
    "Weak",
    "Rc",
    "RefCell",
    "Cell",
    "Mutex",
    "MutexGuard",
    "RwLock",
    "Condvar",
    "OnceLock",
    "Waker",
    "Future",
    "Poll",
    "Clock",
    "Instant",
    "SystemTime",
];

/// Of a host language or its world; the core knows none of them. Lists and graphs in the machine
/// have nodes all the same.
const HOST_WORDS: [&str; 12] =
    ["node", "napi", "python", "pyo3", "asyncio", "javascript", "js", "wasm", "browser", "tab", "tabs", "webworker"];

/// Checks one file against every rule.
pub(crate) fn check(source: &Source) -> Vec<String> {
    let rules: [fn(&Source) -> Vec<Finding>; 6] =
        [pure_rooms, one_sync_file, one_mutex_room, unsafe_code, host_words, public_root];
    rules.iter().flat_map(|rule| rule(source)).map(|(line, what)| format!("{}:{line}: {what}", source.path)).collect()
}

type Finding = (usize, String);

/// Room 1: the machine and the hub are made of collections, hashing and plain types.
fn pure_rooms(source: &Source) -> Vec<Finding> {
    // The machine's own tests are beside it; they tell the time that they took.
    let tests = in_folder(source, "core/src/machine/model");
    if tests || !in_folder(source, "core/src/machine") && !in_folder(source, "core/src/hub") {
        return Vec::new();
    }
    let spanning = source.path == SPANNING;
    let mut found = Vec::new();
    for path in &source.paths {
        let counter = spanning && path.starts_with(&["crate", "sync"]);
        if !counter && !pure_path(path) {
            found.push((path.line, format!("a pure room may not use `{}`", path.segments.join("::"))));
        }
    }
    for word in &source.words {
        let atomic = word.text.starts_with("Atomic");
        if (atomic || IMPURE_NAMES.contains(&word.text.as_str())) && !(spanning && (atomic || word.text == "Arc")) {
            found.push((word.line, format!("a pure room may not name `{}`", word.text)));
        }
    }
    found
}

/// `std`, `crate` and crates by list; what begins with `self`, `super` or a local name is inside.
fn pure_path(path: &Named) -> bool {
    let segments = &path.segments;
    if segments.len() <= 1 {
        return true;
    }
    match segments[0].as_str() {
        "std" | "core" | "alloc" => PURE_STD.iter().any(|&allowed| {
            path.starts_with(allowed)
                || (segments[0] == "core" && segments[1..].iter().zip(&allowed[1..]).all(|(a, b)| a == b))
        }),
        "crate" => {
            let next = segments[1].as_str();
            next.starts_with(char::is_uppercase) || next == "machine" || next == "hub" || PLAIN.contains(&next)
        }
        "self" | "super" => true,
        root if PURE_CRATES.contains(&root) || root.starts_with(char::is_uppercase) => true,
        // In code the path may begin with a module in scope, whose own import is checked.
        root => !path.imported && !IMPURE_CRATES.contains(&root),
    }
}

/// Room 4: one file names `std::sync`, `parking_lot`, `loom` or `shuttle`, so that a model checker can take the place of the first.
fn one_sync_file(source: &Source) -> Vec<Finding> {
    if !in_folder(source, "core/src") || source.path == "core/src/sync.rs" {
        return Vec::new();
    }
    let is_sync = |path: &&Named| {
        ["std", "core", "alloc"].iter().any(|&root| path.starts_with(&[root, "sync"]))
            || path.starts_with(&["parking_lot"])
            || path.starts_with(&["loom"])
            || path.starts_with(&["shuttle"])
    };
    let finding = |path: &Named| {
        let name = path.segments.join("::");
        (path.line, format!("only core/src/sync.rs may name `{name}`; take it from `crate::sync`"))
    };
    source.paths.iter().filter(is_sync).map(finding).collect()
}

/// Room 2: `shared` alone owns the mutexes.
fn one_mutex_room(source: &Source) -> Vec<Finding> {
    let owner = source.path == "core/src/shared.rs"
        || in_folder(source, "core/src/shared")
        || source.path == "core/src/sync.rs";
    if owner || !in_folder(source, "core/src") {
        return Vec::new();
    }
    let locks = ["Mutex", "MutexGuard", "RwLock", "RwLockReadGuard", "RwLockWriteGuard", "Condvar"];
    source
        .words
        .iter()
        .filter(|word| locks.contains(&word.text.as_str()))
        .map(|word| (word.line, format!("only core/src/shared may name `{}`", word.text)))
        .collect()
}

/// No unsafe outside the Node crate's raw hot path.
fn unsafe_code(source: &Source) -> Vec<Finding> {
    if in_folder(source, "bindings-node") {
        return Vec::new();
    }
    source
        .words
        .iter()
        .filter(|word| word.text == "unsafe")
        .map(|word| (word.line, "`unsafe` is for bindings-node alone".to_owned()))
        .collect()
}

/// Room 5: no host word anywhere in the core's code.
fn host_words(source: &Source) -> Vec<Finding> {
    if !in_folder(source, "core/src") {
        return Vec::new();
    }
    let mut found = Vec::new();
    for word in &source.words {
        for part in parts(&word.text) {
            let of_a_graph = part == "node" && in_folder(source, "core/src/machine");
            if HOST_WORDS.contains(&part.as_str()) && !of_a_graph {
                found.push((word.line, format!("the core may not say `{part}` (in `{}`)", word.text)));
            }
        }
    }
    found
}

/// Room 7: bindings and tests see the core's public root only, each name by its one path.
fn public_root(source: &Source) -> Vec<Finding> {
    if in_folder(source, "core/src") {
        return Vec::new();
    }
    let deep = |path: &&Named| {
        path.starts_with(&["latchwork"]) && path.segments.len() > 2 && !path.segments[1].starts_with(char::is_uppercase)
    };
    let finding =
        |path: &Named| (path.line, format!("`{}` is not at the core's public root", path.segments.join("::")));
    source.paths.iter().filter(deep).map(finding).collect()
}

fn in_folder(source: &Source, folder: &str) -> bool {
    source.path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'))
        || (folder.ends_with("machine") || folder.ends_with("hub")) && source.path == format!("{folder}.rs")
}

/// The lower-case words of `snake_case`, `CamelCase` and of a literal's text.
fn parts(text: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut lower = false;
    for letter in text.chars() {
        if !letter.is_alphanumeric() || (lower && letter.is_uppercase()) {
            parts.push(String::new());
        }
        lower = letter.is_lowercase();
        if letter.is_alphanumeric() {
            parts.last_mut().unwrap().extend(letter.to_lowercase());
        }
    }
    parts.retain(|part| !part.is_empty());
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn refused(path: &str, text: &str, because: &str) {
        let found = check(&Source::parse(path, text).unwrap());
        assert!(found.iter().any(|line| line.contains(because)), "{path}: {text}: {found:?}");
    }

    #[track_caller]
    fn accepted(path: &str, text: &str) {
        let found = check(&Source::parse(path, text).unwrap());
        assert!(found.is_empty(), "{path}: {text}: {found:?}");
    }

    #[test]
    fn the_machine_is_pure() {
        let machine = "core/src/machine/queue.rs";
        accepted(machine, "use std::collections::{BTreeMap, VecDeque}; use std::time::Duration; use slab::Slab;");
        accepted(machine, "use hashbrown::HashTable; use foldhash::fast::FixedState; use smallvec::SmallVec;");
        accepted(
            machine,
            "use super::Mode; use crate::{Error, Key}; use crate::key::Keys; fn f() { u64::MAX; mem::take(x); }",
        );
        accepted(machine, "/// Wakes no `Waker`.\nfn f() {} #[cfg(test)] mod tests { use std::sync::Arc; }");
        for (text, because) in [
            ("use std::time::Instant;", "std::time::Instant"),
            ("use std::time::{Duration, SystemTime};", "std::time::SystemTime"),
            ("use std::task::Waker;", "std::task::Waker"),
            ("use std::future::Future;", "std::future::Future"),
            ("use futures::channel::oneshot;", "futures::channel::oneshot"),
            ("use crate::sync::Arc;", "crate::sync::Arc"),
            ("use crate::shared::Shard;", "crate::shared::Shard"),
            ("use crate::{Key, shared::Shard};", "crate::shared::Shard"),
            ("use rand::Rng;", "rand::Rng"),
            ("fn f() { std::thread::spawn(g); }", "std::thread::spawn"),
            ("fn f() { println!(\"{}\", std::process::id()); }", "std::process::id"),
            ("struct S { waker: Waker }", "`Waker`"),
            ("struct S { table: Arc<Mutex<u8>> }", "`Arc`"),
            ("struct S { next: AtomicU64 }", "`AtomicU64`"),
        ] {
            refused(machine, text, because);
        }
        refused("core/src/hub/mod.rs", "use std::sync::mpsc;", "std::sync::mpsc");
        refused("core/src/machine.rs", "use std::net::TcpStream;", "std::net::TcpStream");
    }

    #[test]
    fn one_file_of_the_machine_may_count_across_shards() {
        accepted(SPANNING, "use crate::sync::{Arc, AtomicU32, Ordering};");
        refused(SPANNING, "use std::sync::atomic::AtomicU32;", "std::sync::atomic::AtomicU32");
        refused(SPANNING, "struct S(Arc<Mutex<u8>>);", "`Mutex`");
        refused("core/src/machine/lock_table.rs", "use crate::sync::AtomicU32;", "AtomicU32");
    }

    #[test]
    fn one_file_names_the_primitives() {
        accepted("core/src/sync.rs", "pub(crate) use std::sync::{Arc, Mutex}; #[cfg(loom)] use loom::sync::Mutex;");
        accepted("core/src/guard.rs", "use crate::sync::Arc;");
        refused("core/src/guard.rs", "use std::sync::Arc;", "std::sync::Arc");
        refused("core/src/guard.rs", "use std::{fmt, sync};", "std::sync");
        refused("core/src/guard.rs", "fn f(x: &core::sync::atomic::AtomicBool) {}", "core::sync::atomic::AtomicBool");
        refused("core/src/shared/mod.rs", "use parking_lot::Mutex;", "parking_lot::Mutex");
        refused("core/src/shared/mod.rs", "use loom::sync::Arc;", "loom::sync::Arc");
        refused("core/src/shared/mod.rs", "use shuttle::sync::Arc;", "shuttle::sync::Arc");
        accepted("bindings-python/src/lib.rs", "use std::sync::Mutex;");
    }

    #[test]
    fn mutexes_live_in_shared() {
        accepted("core/src/shared.rs", "use crate::sync::Mutex; struct S(Mutex<u8>);");
        accepted("core/src/shared/shard.rs", "use crate::sync::Mutex;");
        refused("core/src/space.rs", "use crate::sync::Mutex;", "`Mutex`");
        refused("core/src/engine/memory.rs", "struct S(RwLock<u8>);", "`RwLock`");
        refused("core/src/shared_state.rs", "struct S(Mutex<u8>);", "`Mutex`");
    }

    #[test]
    fn unsafe_is_for_the_raw_path() {
        accepted("bindings-node/src/raw.rs", "fn f() { unsafe { g() } }");
        accepted("core/src/lib.rs", "#![forbid(unsafe_code)]");
        for path in ["core/src/a.rs", "bindings-python/src/a.rs", "bindings-wasm/src/a.rs", "xtask/src/a.rs"] {
            refused(path, "fn f() { unsafe { g() } }", "`unsafe`");
        }
    }

    #[test]
    fn the_core_knows_no_host() {
        accepted("core/src/a.rs", "//! As in node and python.\nfn lock_table() { \"a table, nodes\"; }");
        for text in [
            "fn for_node() {}",
            "struct PythonLoop;",
            "const URL: &str = \"tabs:\";",
            "struct WasmClock;",
            "enum E { Browser }",
            "#[cfg(feature = \"napi\")] fn f() {}",
        ] {
            refused("core/src/a.rs", text, "the core may not say");
        }
        accepted("bindings-node/src/a.rs", "fn for_node() {}");
        accepted("core/src/machine/queue.rs", "struct Node; fn f(node: Node) {}");
        refused("core/src/machine/queue.rs", "struct NodeJs;", "the core may not say `js`");
    }

    #[test]
    fn bindings_see_the_public_root() {
        accepted(
            "bindings-node/src/a.rs",
            "use latchwork::{Key, Space}; fn f() { latchwork::Key::from_bytes(x); latchwork::key!(1); }",
        );
        refused("bindings-node/src/a.rs", "use latchwork::key::Key;", "latchwork::key::Key");
        refused("bindings-wasm/src/a.rs", "use latchwork::{Space, machine::Mode};", "latchwork::machine::Mode");
        refused("tests/rust/src/a.rs", "fn f() { latchwork::engine::open(); }", "latchwork::engine::open");
    }
}
