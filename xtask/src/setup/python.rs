//! The Python virtual environment with its pinned tools, and the wheel in it.

use std::ffi::OsString;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail};

use super::browsers::{apt_install, can_install};
use super::stamp;
use crate::process::{self, command, root, run};
use crate::say;

const OLDEST: (u32, u32) = (3, 10);
const REQUIREMENTS: [&str; 2] = ["tests/python/requirements.txt", "demo/python/requirements.txt"];

/// Makes the virtual environment and installs the pinned tools in it.
pub(crate) fn prepare() -> Result<()> {
    let base = interpreter()?;
    let version = version(&base).with_context(|| format!("{} does not run", base.display()))?;
    if parse_version(&version).is_none_or(|version| version < OLDEST) {
        bail!("Python {}.{} or later is needed, this is {version}", OLDEST.0, OLDEST.1);
    }
    say::step(&format!("Python {version}"));

    let mut inputs = [version.as_bytes(), b"\n"].concat();
    for file in REQUIREMENTS {
        inputs.extend(fs::read(root().join(file)).with_context(|| format!("no {file}"))?);
    }
    let installed = folder().join("latchwork-requirements");
    if stamp::holds(&installed, &inputs) && self::version(&program("python")).is_some() {
        say::step("the virtual environment has its packages");
        return Ok(());
    }
    if self::version(&program("python")).as_ref() != Some(&version) {
        make_environment(&base)?;
    }
    say::step(&format!("installing {}", REQUIREMENTS.join(" and ")));
    let mut install = pip(&["install", "--progress-bar", "off"]);
    for file in REQUIREMENTS {
        install.args(["-r", file]);
    }
    run(&mut install)?;
    stamp::replace(&installed, &inputs)
}

/// Installs what else a part needs in the virtual environment.
pub(crate) fn install(requirements: &str) -> Result<()> {
    let file = root().join(requirements);
    let wanted = fs::read(&file).with_context(|| format!("no {requirements}"))?;
    let installed = folder().join(format!("latchwork-{}", requirements.replace(['/', '.'], "-")));
    if stamp::holds(&installed, &wanted) {
        say::step("the virtual environment has its packages");
        return Ok(());
    }
    say::step(&format!("installing {requirements}"));
    run(pip(&["install", "--progress-bar", "off", "-r"]).arg(&file))?;
    stamp::replace(&installed, &wanted)
}

/// Builds the wheel and installs it in the virtual environment, as a user would get it.
pub(crate) fn install_wheel() -> Result<()> {
    let wheels = process::target().join("python-wheels");
    if wheels.exists() {
        fs::remove_dir_all(&wheels)?;
    }
    let mut maturin = tool("maturin", &["build", "--release", "--out"]);
    maturin.arg(&wheels).arg("--interpreter").arg(program("python"));
    run(maturin.current_dir(root().join("bindings-python")))?;
    let wheel = fs::read_dir(&wheels)?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .find(|path| path.extension().is_some_and(|extension| extension == "whl"))
        .context("maturin made no wheel")?;

    let bytes = fs::read(&wheel)?;
    let installed = folder().join("latchwork-wheel");
    if stamp::holds(&installed, &bytes) {
        say::step("this very wheel is installed");
        return Ok(());
    }
    run(pip(&["install", "--quiet", "--force-reinstall", "--no-deps"]).arg(&wheel))?;
    stamp::replace(&installed, &bytes)
}

/// A tool of the virtual environment, with the environment in force.
pub(crate) fn tool(name: &str, args: &[&str]) -> Command {
    let mut command = command(program(name), args);
    command.env("VIRTUAL_ENV", folder()).env("PATH", search_path()).env_remove("PYTHONHOME");
    command
}

fn pip(args: &[&str]) -> Command {
    let mut command = tool("python", &["-m", "pip", "--disable-pip-version-check"]);
    command.args(args);
    command
}

fn make_environment(base: &PathBuf) -> Result<()> {
    say::step("making the virtual environment");
    let make = || {
        let mut venv = command(base, &["-m", "venv", "--clear"]);
        run(venv.arg(folder()))
    };
    let Err(error) = make() else { return Ok(()) };
    if !can_install() {
        return Err(error.context("Python needs its venv module (on Debian: apt-get install python3-venv)"));
    }
    say::step("Debian's Python comes without venv; installing it");
    apt_install(&["python3-venv"])?;
    make()
}

/// `LATCHWORK_PYTHON`, or the first usual name on `PATH`.
fn interpreter() -> Result<PathBuf> {
    if let Some(path) = std::env::var_os("LATCHWORK_PYTHON") {
        return Ok(path.into());
    }
    process::find_program(&["python3", "python"])
        .context("no `python3` on PATH: install Python 3.10 or later, or name it in LATCHWORK_PYTHON")
}

fn version(python: &PathBuf) -> Option<String> {
    let script = "import sys; print('%d.%d.%d' % sys.version_info[:3])";
    process::capture(&mut command(python, &["-c", script]))
}

fn parse_version(version: &str) -> Option<(u32, u32)> {
    let mut parts = version.split('.').map(|part| part.parse().ok());
    Some((parts.next()??, parts.next()??))
}

fn folder() -> PathBuf {
    process::target().join("python")
}

fn programs() -> PathBuf {
    folder().join(if cfg!(windows) { "Scripts" } else { "bin" })
}

fn program(name: &str) -> PathBuf {
    programs().join(format!("{name}{}", std::env::consts::EXE_SUFFIX))
}

fn search_path() -> OsString {
    let rest = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::iter::once(programs()).chain(std::env::split_paths(&rest));
    std::env::join_paths(folders).unwrap_or(rest.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_compare_as_numbers() {
        assert_eq!(parse_version("3.11.7"), Some((3, 11)));
        assert!(parse_version("3.9.2").unwrap() < OLDEST);
        assert!(parse_version("3.10.0").unwrap() >= OLDEST);
        assert_eq!(parse_version("three"), None);
    }
}
