//! What the tasks themselves say, apart from the output of what they run.

/// A new part begins.
pub(crate) fn part(name: &str) {
    println!("\n=== {name} ===");
}

/// A step of the set-up begins or is found done.
pub(crate) fn step(what: &str) {
    println!("--- {what}");
}

/// A command is about to run.
pub(crate) fn command(line: &str) {
    println!("  $ {line}");
}

/// Something failed.
pub(crate) fn failure(what: &str) {
    println!("!!! {what}");
}
