//! Sizes and documentation headings: reported, not enforced.

use crate::source::Source;

const LONG_FILE: usize = 600;
const LONG_FUNCTION: usize = 70;

/// The order of the headings in the documentation of an operation.
const HEADINGS: [&str; 6] = ["Fairness", "Cancel safety", "Deadlocks", "Errors", "Panics", "Examples"];

/// A file of more than 600 lines.
pub(crate) fn long_file(path: &str, text: &str) -> Option<String> {
    let lines = text.lines().count();
    (lines > LONG_FILE).then(|| format!("{path}: {lines} lines"))
}

/// Functions of more than 70 lines.
pub(crate) fn long_functions(source: &Source) -> Vec<String> {
    let long = source.functions.iter().filter(|function| function.lines > LONG_FUNCTION);
    long.map(|function| format!("{}:{}: `{}` has {} lines", source.path, function.line, function.name, function.lines))
        .collect()
}

/// Headings of one doc comment that stand out of order.
pub(crate) fn headings(path: &str, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut last = 0;
    let mut fenced = false;
    for (number, line) in text.lines().enumerate() {
        let Some(doc) = line.trim_start().strip_prefix("///") else {
            (last, fenced) = (0, false);
            continue;
        };
        fenced ^= doc.trim_start().starts_with("```");
        let heading = doc.trim().strip_prefix("# ").filter(|_| !fenced);
        if let Some(place) = heading.and_then(|name| HEADINGS.iter().position(|known| *known == name)) {
            if place < last {
                found.push(format!("{path}:{}: the heading `{}` comes too late", number + 1, HEADINGS[place]));
            }
            last = place;
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_things_are_reported() {
        assert_eq!(long_file("a.ts", &"x\n".repeat(600)), None);
        assert!(long_file("a.ts", &"x\n".repeat(601)).is_some());
        let text = format!("fn short() {{}}\nfn long() {{\n{}}}", "x();\n".repeat(70));
        let found = long_functions(&Source::parse("a.rs", &text).unwrap());
        assert_eq!(found, ["a.rs:2: `long` has 72 lines"]);
    }

    #[test]
    fn headings_have_an_order() {
        assert!(headings("a.rs", "/// # Errors\n/// # Panics\n/// # Examples\nfn f() {}\n/// # Fairness").is_empty());
        assert!(headings("a.rs", "/// # Errors\n/// ```\n/// # Fairness\n/// ```").is_empty());
        assert_eq!(headings("a.rs", "/// # Examples\n/// # Errors").len(), 1);
    }
}
