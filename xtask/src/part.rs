//! The parts that a run can be limited to.

/// A host, or the lints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Rust,
    Node,
    Python,
    Browser,
    Lint,
}

impl Part {
    /// Every part, in the order in which they run.
    pub(crate) const ALL: [Part; 5] = [Part::Rust, Part::Node, Part::Python, Part::Browser, Part::Lint];

    /// The four hosts.
    pub(crate) const HOSTS: [Part; 4] = [Part::Rust, Part::Node, Part::Python, Part::Browser];

    /// The name on the command line and in the tables.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Part::Rust => "rust",
            Part::Node => "node",
            Part::Python => "python",
            Part::Browser => "browser",
            Part::Lint => "lint",
        }
    }
}
