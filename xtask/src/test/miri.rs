//! The core's own tests under Miri, where a nightly toolchain has it. Nothing is installed for it. An interpreter uses one
//! processor for minutes, so it goes on beside the other tests, in a folder of its own.

use std::process::Command;

use super::report::{Beside, Report};
use super::summary::Runner;
use crate::process::{capture, command};

const WHAT: &str = "core, Miri";

/// Begins it, where it can be run.
pub(crate) fn start(report: &mut Report) -> Option<Beside> {
    if let Some(why) = missing() {
        report.skipped("rust", WHAT, why);
        return None;
    }
    Some(Beside::start("rust", WHAT, Runner::Cargo, Ok(nightly(&["miri", "test", "-p", "latchwork", "--lib"]))))
}

/// What this machine lacks.
fn missing() -> Option<&'static str> {
    if capture(&mut nightly(&["--version"])).is_none() {
        return Some("there is no nightly toolchain");
    }
    if capture(&mut nightly(&["miri", "--version"])).is_none() {
        return Some("the nightly toolchain has no Miri (`rustup +nightly component add miri rust-src`)");
    }
    if capture(&mut nightly(&["miri", "setup"])).is_none() {
        return Some("Miri cannot build its standard library (`rustup +nightly component add rust-src`)");
    }
    None
}

/// By rustup's own cargo, which alone knows toolchains by name.
fn nightly(args: &[&str]) -> Command {
    let mut cargo = command("cargo", &[&["+nightly"], args].concat());
    cargo.env_remove("CARGO").env_remove("RUSTC").env_remove("RUSTUP_TOOLCHAIN");
    cargo
}
