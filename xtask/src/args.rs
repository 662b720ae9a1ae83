//! The command line.

use std::ffi::OsString;

use anyhow::{Result, bail};
use lexopt::prelude::*;

use crate::part::Part;
use crate::setup::Step;

/// What `cargo xtask help` prints.
pub(crate) const HELP: &str = "\
Usage: cargo xtask COMMAND

  test [rust|node|python|browser|lint ...]
      Set up, build and test everything, or only the parts named.
      Ends with the line `N passed, N failed, N skipped`.
  demo [rust|node|python|browser ...]
      The main job on real input in every host, without Latchwork and with it, as one table.
  bench [rust|node|python|browser ...] [--quick]
      Every lock beside its peers in interleaved rounds, as a table with its bar, as JSON and as a page with
      plots in target/bench. A missed bar is no failure. --quick: few rounds, for a first look.
  setup [wasm|npm|browsers|python-tools|python|addon|web ...]
      Only the set-up and the builds: all of them, or the steps named and what they need.
  format
      Format all sources in place, and apply the lints' safe fixes.
  help
      This text.

Needed: Rust, Node 20 or later with npm, Python 3.10 or later. The rest is installed in the
repository's folder, but for the Wasm target (rustup) and the browsers (Debian's packages, as root).

Environment:
  LATCHWORK_CHROMIUM, LATCHWORK_FIREFOX   the browsers' programs, if not on PATH
  LATCHWORK_PYTHON                        the Python to use, if not python3
  LATCHWORK_WASM=debian                   compile for Wasm with Debian's compiler
";

/// What is asked.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Task {
    Test(Vec<Part>),
    Demo(Vec<Part>),
    Bench { hosts: Vec<Part>, quick: bool },
    Setup(Vec<Step>),
    Format,
    Help,
}

/// Reads the arguments, without the program's name.
pub(crate) fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Task> {
    let mut parser = lexopt::Parser::from_args(args);
    let mut words = Vec::new();
    let mut quick = false;
    while let Some(arg) = parser.next()? {
        match arg {
            Short('h') | Long("help") => return Ok(Task::Help),
            Long("quick") => quick = true,
            Value(word) => words.push(word.string()?),
            _ => return Err(arg.unexpected().into()),
        }
    }
    let mut words = words.iter().map(String::as_str);
    let command = words.next();
    if quick && command != Some("bench") {
        bail!("`--quick` is for `bench`");
    }
    match command {
        None | Some("help") => Ok(Task::Help),
        Some("test") => Ok(Task::Test(choose(words, &Part::ALL, Part::name)?)),
        Some("demo") => Ok(Task::Demo(choose(words, &Part::HOSTS, Part::name)?)),
        Some("bench") => Ok(Task::Bench { hosts: choose(words, &Part::HOSTS, Part::name)?, quick }),
        Some("setup") => Ok(Task::Setup(choose(words, &Step::ALL, Step::name)?)),
        Some("format") => match words.next() {
            None => Ok(Task::Format),
            Some(word) => bail!("`format` takes no part: `{word}`"),
        },
        Some(other) => bail!("unknown command `{other}`; see `cargo xtask help`"),
    }
}

/// The values named, in their own order and once each; all of them if none is named.
fn choose<'a, T: Copy + PartialEq>(
    words: impl Iterator<Item = &'a str>,
    all: &[T],
    name: fn(T) -> &'static str,
) -> Result<Vec<T>> {
    let mut chosen = Vec::new();
    for word in words {
        match all.iter().find(|&&value| name(value) == word) {
            Some(&value) => chosen.push(value),
            None => {
                let names: Vec<&str> = all.iter().map(|&value| name(value)).collect();
                bail!("unknown part `{word}`; it is one of: {}", names.join(", "));
            }
        }
    }
    Ok(all.iter().copied().filter(|value| chosen.is_empty() || chosen.contains(value)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Task> {
        super::parse(line.split_whitespace().map(OsString::from))
    }

    #[test]
    fn no_part_means_all() {
        assert_eq!(parse("test").unwrap(), Task::Test(Part::ALL.to_vec()));
        assert_eq!(parse("demo").unwrap(), Task::Demo(Part::HOSTS.to_vec()));
        assert_eq!(parse("setup").unwrap(), Task::Setup(Step::ALL.to_vec()));
    }

    #[test]
    fn parts_run_once_in_their_own_order() {
        let task = parse("test python rust python").unwrap();
        assert_eq!(task, Task::Test(vec![Part::Rust, Part::Python]));
    }

    #[test]
    fn the_bench_can_be_quick_and_nothing_else_can() {
        assert_eq!(parse("bench").unwrap(), Task::Bench { hosts: Part::HOSTS.to_vec(), quick: false });
        for line in ["bench node --quick", "bench --quick node"] {
            assert_eq!(parse(line).unwrap(), Task::Bench { hosts: vec![Part::Node], quick: true });
        }
        assert!(parse("test --quick").unwrap_err().to_string().contains("--quick"));
    }

    #[test]
    fn help_is_asked_in_every_usual_way() {
        for line in ["", "help", "--help", "-h", "test --help"] {
            assert_eq!(parse(line).unwrap(), Task::Help, "{line}");
        }
    }

    #[test]
    fn what_is_unknown_is_named() {
        for (line, word) in [
            ("tset", "tset"),
            ("test nod", "nod"),
            ("demo lint", "lint"),
            ("bench lint", "lint"),
            ("test --fast", "--fast"),
            ("format rust", "rust"),
        ] {
            let error = parse(line).unwrap_err().to_string();
            assert!(error.contains(word), "{line}: {error}");
        }
    }
}
