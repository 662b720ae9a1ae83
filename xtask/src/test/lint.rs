//! Lints: formatting, compiler and type checks, documentation, and the rooms of the architecture.

use std::process::Command;

use anyhow::Result;

use super::models;
use super::report::Report;
use super::summary::Runner;
use crate::process::{self, cargo, command, root};
use crate::setup::wasm::Toolchain;
use crate::setup::{Setup, Step, npm, python, wasm};

const WORKSPACES: [&str; 5] = ["bindings-js", "bindings-node", "bindings-wasm", "tests/js", "tests/browser"];
const PYTHON_FOLDERS: [&str; 4] = ["bindings-python/python", "tests/python", "demo/python", "bench/python"];

pub(crate) fn run(report: &mut Report) {
    rust(report);
    rooms(report);
    typescript(report);
    python_checks(report);
}

/// Formats the sources in place, where `run` only looks.
pub(crate) fn format(setup: &mut Setup) -> Result<()> {
    setup.need_all(&[Step::Npm, Step::PythonTools])?;
    component("rustfmt", "fmt")?;
    process::run(&mut cargo(&["fmt", "--all"]))?;
    process::run(&mut biome(&["check", "--colors=off", "--write", "."]))?;
    let folders = python_folders();
    process::run(python::tool("ruff", &["check", "--fix"]).args(&folders))?;
    process::run(python::tool("ruff", &["format"]).args(&folders))
}

fn rust(report: &mut Report) {
    report.check("lint", "rustfmt", || {
        component("rustfmt", "fmt")?;
        process::run(&mut cargo(&["fmt", "--all", "--check"]))
    });
    report.check("lint", "clippy", || {
        component("clippy", "clippy")?;
        let args = ["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"];
        process::run(&mut cargo(&args))
    });
    report.check("lint", "clippy for wasm32", clippy_wasm);
    for checker in models::CHECKERS {
        let args = ["clippy", "-p", "latchwork", "-p", "latchwork-models", "--tests", "--", "-D", "warnings"];
        report.check("lint", &format!("clippy for {checker}"), || process::run(&mut models::cargo_for(checker, &args)));
    }
    report.check("lint", "rustdoc", || {
        let mut doc = cargo(&["doc", "--workspace", "--no-deps"]);
        process::run(doc.env("RUSTDOCFLAGS", "-D warnings"))
    });
}

fn rooms(report: &mut Report) {
    let args = ["test", "-p", "xtask", "--test", "rooms", "--", "--show-output"];
    report.runner("lint", "rooms", Runner::Cargo, Ok(cargo(&args)));
}

fn typescript(report: &mut Report) {
    report.check("lint", "biome", || process::run(&mut biome(&["ci", "--colors=off", "--error-on-warnings", "."])));
    for folder in WORKSPACES {
        if npm::has_script(folder, "typecheck").unwrap_or(false) {
            report
                .check("lint", &format!("typecheck {folder}"), || process::run(&mut npm::script(folder, "typecheck")));
        }
    }
}

fn python_checks(report: &mut Report) {
    let folders = python_folders();
    let mut tool = |what: &str, name: &str, args: &[&str]| {
        report.check("lint", what, || process::run(python::tool(name, args).args(&folders)));
    };
    tool("ruff", "ruff", &["check"]);
    tool("ruff format", "ruff", &["format", "--check"]);
    // Its settings are in no place where it would look by itself.
    tool("mypy", "mypy", &["--config-file", "bindings-python/pyproject.toml"]);
}

fn python_folders() -> Vec<&'static str> {
    PYTHON_FOLDERS.into_iter().filter(|folder| root().join(folder).is_dir()).collect()
}

fn biome(args: &[&str]) -> Command {
    let mut biome = command("node", &[]);
    biome.arg(root().join("node_modules/@biomejs/biome/bin/biome")).args(args);
    biome
}

/// Debian's compiler for the target has no clippy of its own: there the compiler's warnings do.
fn clippy_wasm() -> Result<()> {
    let packages = ["-p", "latchwork", "-p", "latchwork-wasm"];
    if wasm::toolchain() == Some(Toolchain::Debian) {
        let mut check = wasm::cargo(&[&["check"][..], &packages].concat())?;
        return process::run(check.env("RUSTFLAGS", "-D warnings"));
    }
    let mut clippy = wasm::cargo(&[&["clippy"][..], &packages].concat())?;
    process::run(clippy.args(["--", "-D", "warnings"]))
}

/// A minimal toolchain lacks rustfmt and clippy.
fn component(component: &str, subcommand: &str) -> Result<()> {
    if process::capture(&mut cargo(&[subcommand, "--version"])).is_some() {
        return Ok(());
    }
    process::run(&mut command("rustup", &["component", "add", component]))
}
