//! `xtask-bindgen IN.wasm FOLDER`: the wasm-bindgen step, with its version pinned by `Cargo.lock`.
//!
//! It is a package of its own because it takes longer to build than the rest of the tasks together.

mod glue;
mod panics;

use std::path::PathBuf;

use anyhow::{Context, Result};
use wasm_bindgen_cli_support::Bindgen;

fn main() -> Result<()> {
    let mut args = std::env::args_os().skip(1).map(PathBuf::from);
    let (Some(input), Some(folder), None) = (args.next(), args.next(), args.next()) else {
        anyhow::bail!("usage: xtask-bindgen IN.wasm FOLDER");
    };
    // One binary for pages, workers and bundlers: the caller hands the bytes or the response to the
    // default export at first use, so the script must not name a path of its own.
    let mut output = Bindgen::new()
        .input_path(&input)
        .web(true)?
        .omit_default_module_path(true)
        .typescript(true)
        .remove_name_section(true)
        .remove_producers_section(true)
        .generate_output()
        .with_context(|| format!("wasm-bindgen cannot use {}", input.display()))?;
    panics::silence(output.wasm_mut())?;
    glue::remove(output.wasm_mut());
    output.emit(&folder)
}
