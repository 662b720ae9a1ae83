//! Instructions per operation, which repeat where times do not: callgrind's count.

use std::fs;
use std::path::Path;
use std::process::Stdio;

use anyhow::{Context, Result, bail};

use crate::process::{capture, command, find_program, target};
use crate::say;

/// Where callgrind leaves its profiles, for `callgrind_annotate`.
pub(super) const PROFILES: &str = "bench/callgrind";

/// What is counted: this function of `latchwork-bench`, from its entry to its return.
const SECTION: &str = "*counted_section*";

/// The instructions of one operation.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Instructions {
    pub(super) case: String,
    pub(super) side: String,
    pub(super) count: f64,
}

/// Runs each side under callgrind. `None`, and it is said why, where there is no valgrind.
pub(super) fn count(program: &Path, quick: bool) -> Result<Option<Vec<Instructions>>> {
    say::part("bench: instructions per operation");
    if find_program(&["valgrind"]).is_none() {
        println!("skipped: instructions per operation: valgrind is not on PATH (on Debian: apt-get install valgrind)");
        return Ok(None);
    }
    let list = capture(command(program, &["--list"]).args(quick.then_some("--quick")))
        .context("the bench does not list its cases")?;
    let folder = target().join(PROFILES);
    fs::create_dir_all(&folder)?;
    let mut counts = Vec::new();
    for (place, line) in list.lines().enumerate() {
        let [case, side, operations] = line.split('\t').collect::<Vec<_>>()[..] else { bail!("listed: {line}") };
        let operations: f64 = operations.parse().with_context(|| format!("listed: {line}"))?;
        let total = run(program, case, side, &folder.join(format!("{place}.out")))?;
        println!("{place}.out: {case}, {side}: {:.0}", total / operations);
        counts.push(Instructions { case: case.to_owned(), side: side.to_owned(), count: total / operations });
    }
    Ok(Some(counts))
}

/// The instructions of all operations together.
fn run(program: &Path, case: &str, side: &str, profile: &Path) -> Result<f64> {
    let mut out = std::ffi::OsString::from("--callgrind-out-file=");
    out.push(profile);
    let toggle = format!("--toggle-collect={SECTION}");
    let output = command("valgrind", &["--tool=callgrind", "--collect-atstart=no", &toggle])
        .arg(out)
        .arg(program)
        .args(["--once", case, side])
        .stdout(Stdio::null())
        .output()
        .context("cannot start valgrind")?;
    let said = String::from_utf8_lossy(&output.stderr);
    match collected(&said) {
        Some(total) if output.status.success() && total > 0.0 => Ok(total),
        _ => bail!("valgrind counted nothing for {case}, {side}:\n{said}"),
    }
}

/// The number in the line `==1234== Collected : 56789`.
fn collected(said: &str) -> Option<f64> {
    let number = said.lines().find_map(|line| line.split("Collected :").nth(1))?;
    number.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_count_is_found_in_what_callgrind_says() {
        assert_eq!(collected("==1== Events    : Ir\n==1== Collected : 5652865\n==1==\n"), Some(5_652_865.0));
        assert_eq!(collected("==1== Collected :\n"), None);
        assert_eq!(collected("valgrind: no such program"), None);
    }
}
