//! The Node addon: cargo's library under the name that Node loads, and the TypeScript around it.

use std::env::consts::{DLL_PREFIX, DLL_SUFFIX};
use std::fs;

use anyhow::{Context, Result};

use super::{npm, stamp};
use crate::process::{self, cargo, root, run};
use crate::say;

const PACKAGE: &str = "latchwork-node";
const ADDON: &str = "bindings-node/latchwork.node";
const WORKSPACES: [&str; 3] = ["bindings-js", "bindings-node", "tests/js"];

/// Builds the addon and the TypeScript of the Node package and its tests.
pub(crate) fn build() -> Result<()> {
    run(&mut cargo(&["build", "--release", "-p", PACKAGE]))?;
    let name = format!("{DLL_PREFIX}{}{DLL_SUFFIX}", PACKAGE.replace('-', "_"));
    let library = process::target().join("release").join(&name);
    let bytes = fs::read(&library).with_context(|| format!("cargo built no {name}"))?;
    let addon = root().join(ADDON);
    if !stamp::holds(&addon, &bytes) {
        stamp::replace(&addon, &bytes)?;
        say::step(&format!("{ADDON} is new"));
    }
    npm::build(&WORKSPACES)
}
