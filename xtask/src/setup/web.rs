//! The browser package: cargo, wasm-bindgen, wasm-opt, then the TypeScript around the result.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::{npm, stamp, wasm};
use crate::process::{self, cargo, command, root, run};
use crate::say;

const PACKAGE: &str = "latchwork-wasm";
const PROFILE: &str = "wasm";
const GENERATED: &str = "bindings-wasm/generated";
const MODULE: &str = "latchwork_wasm_bg.wasm";
const WORKSPACES: [&str; 4] = ["bindings-js", "bindings-wasm", "tests/js", "tests/browser"];

/// What rustc may use by default on this target, so that wasm-opt keeps to the same.
const FEATURES: [&str; 6] = [
    "--enable-bulk-memory",
    "--enable-multivalue",
    "--enable-mutable-globals",
    "--enable-nontrapping-float-to-int",
    "--enable-reference-types",
    "--enable-sign-ext",
];

/// Builds the binary, its script, and the TypeScript of the browser package and its tests.
pub(crate) fn build() -> Result<()> {
    run(&mut wasm::cargo(&["build", "--profile", PROFILE, "-p", PACKAGE])?)?;
    let name = format!("{}.wasm", PACKAGE.replace('-', "_"));
    let built = wasm::built_folder(PROFILE)?.join(&name);
    let inputs = [
        fs::read(&built).with_context(|| format!("cargo built no {name}"))?,
        fs::read(root().join("Cargo.lock"))?,
        fs::read(root().join("package-lock.json"))?,
        fs::read(root().join("xtask/bindgen/src/main.rs"))?,
        fs::read(root().join("xtask/bindgen/src/glue.rs"))?,
        fs::read(root().join("xtask/bindgen/src/panics.rs"))?,
        FEATURES.concat().into_bytes(),
    ]
    .concat();
    let generated = root().join(GENERATED);
    let done = process::target().join("web-inputs");
    if stamp::holds(&done, &inputs) && generated.join(MODULE).is_file() {
        say::step(&format!("{GENERATED} is up to date"));
    } else {
        generate(&built, &generated)?;
        stamp::replace(&done, &inputs)?;
    }
    npm::build(&WORKSPACES)
}

fn generate(built: &Path, generated: &Path) -> Result<()> {
    let made = process::target().join("web");
    if made.exists() {
        fs::remove_dir_all(&made)?;
    }
    run(cargo(&["run", "-p", "xtask-bindgen", "--"]).arg(built).arg(&made))?;

    let module = made.join(MODULE);
    let before = fs::metadata(&module).context("wasm-bindgen made no module")?.len();
    let small = made.join("small.wasm");
    let mut optimise = command("node", &[]);
    optimise.arg(wasm_opt()?).arg("-Oz").args(FEATURES).arg(&module).arg("-o").arg(&small);
    run(&mut optimise)?;
    fs::rename(&small, &module)?;
    say::step(&format!("{MODULE}: {before} bytes, {} after wasm-opt", fs::metadata(&module)?.len()));

    for entry in fs::read_dir(&made)? {
        let path = entry?.path();
        if let Some(name) = path.file_name().filter(|_| path.is_file()) {
            stamp::replace(&generated.join(name), &fs::read(&path)?)?;
        }
    }
    Ok(())
}

fn wasm_opt() -> Result<PathBuf> {
    let folder = root().join("node_modules/binaryen/bin");
    ["wasm-opt", "wasm-opt.js"]
        .iter()
        .map(|name| folder.join(name))
        .find(|path| path.is_file())
        .context("the npm package binaryen has no wasm-opt")
}
