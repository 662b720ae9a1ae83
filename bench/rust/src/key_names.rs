//! Keys as a program would have them: short strings, each with memory of its own.

/// `count` different names that begin with `prefix`.
pub fn key_names(prefix: &str, count: usize) -> Vec<String> {
    (0..count).map(|number| format!("{prefix}:{number}")).collect()
}
