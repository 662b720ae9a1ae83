//! npm packages of the one workspace, and its scripts.

use std::fs;
use std::process::Command;

use anyhow::{Context, Result, bail};

use super::stamp;
use crate::process::{self, command, root, run};
use crate::say;

const OLDEST_NODE: u32 = 20;

/// Installs the packages of `package-lock.json`, unless just those are installed.
pub(crate) fn prepare() -> Result<()> {
    let node = process::capture(&mut command("node", &["--version"]))
        .context("no `node` on PATH: install Node 20 or later")?;
    if major(&node).is_none_or(|major| major < OLDEST_NODE) {
        bail!("Node {OLDEST_NODE} or later is needed, this is {node}");
    }
    let npm = process::capture(&mut process::npm(&["--version"])).context("no `npm` on PATH: it comes with Node")?;
    say::step(&format!("node {node}, npm {npm}"));

    install(".")
}

/// Installs the packages of a folder's own `package-lock.json`, unless just those are installed.
pub(crate) fn install(folder: &str) -> Result<()> {
    let folder = root().join(folder);
    let lock = fs::read(folder.join("package-lock.json"))
        .with_context(|| format!("no package-lock.json in {}", folder.display()))?;
    let installed = folder.join("node_modules/.latchwork-lock");
    if stamp::holds(&installed, &lock) {
        say::step("packages are installed");
        return Ok(());
    }
    say::step("installing packages");
    run(process::npm(&["ci", "--no-audit", "--no-fund"]).current_dir(&folder))?;
    stamp::replace(&installed, &lock)
}

/// Runs `npm run build` in the workspace folders that have such a script.
pub(crate) fn build(folders: &[&str]) -> Result<()> {
    for folder in folders {
        if has_script(folder, "build")? {
            run(&mut script(folder, "build"))?;
        }
    }
    Ok(())
}

/// `npm run SCRIPT` in a workspace folder.
pub(crate) fn script(folder: &str, script: &str) -> Command {
    process::npm(&["run", "--silent", script, "-w", folder])
}

/// Whether the folder's package has this script; an error if it is no package.
pub(crate) fn has_script(folder: &str, script: &str) -> Result<bool> {
    let file = root().join(folder).join("package.json");
    let text = fs::read_to_string(&file).with_context(|| format!("no {folder}/package.json"))?;
    let package: serde_json::Value = serde_json::from_str(&text).with_context(|| format!("{folder}/package.json"))?;
    Ok(package["scripts"][script].is_string())
}

fn major(version: &str) -> Option<u32> {
    version.trim_start_matches('v').split('.').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_major_version_is_read() {
        assert_eq!(major("v20.20.2"), Some(20));
        assert_eq!(major("24.0.0"), Some(24));
        assert_eq!(major("nightly"), None);
    }

    #[test]
    fn a_folder_without_a_package_is_an_error() {
        assert!(has_script("xtask", "build").is_err());
    }
}
