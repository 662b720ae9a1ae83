//! The WebAssembly target: rustup's, or Debian's compiler with a standard library built from source.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use super::browsers::{apt_install, can_install};
use crate::process::{self, command, run};
use crate::say;

/// The target's name.
pub(crate) const TARGET: &str = "wasm32-unknown-unknown";

const DEBIAN_PACKAGES: [&str; 3] = ["rustc-web", "rust-web-src", "lld"];
const DEBIAN_RUSTC: &str = "/usr/bin/rustc";

/// What compiles for the target on this machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Toolchain {
    /// The toolchain in use has the target's standard library.
    Installed,
    /// Debian's `rustc-web`, which compiles the standard library itself.
    Debian,
}

/// Finds or installs a toolchain for the target.
pub(crate) fn prepare() -> Result<()> {
    if let Some(toolchain) = toolchain() {
        say::step(match toolchain {
            Toolchain::Installed => "the toolchain has it",
            Toolchain::Debian => "Debian's rustc-web is installed",
        });
        return Ok(());
    }
    let rustup = run(&mut command("rustup", &["target", "add", TARGET]));
    if toolchain().is_some() {
        return Ok(());
    }
    let why =
        rustup.err().map_or_else(|| "rustup added it to another toolchain".to_owned(), |error| format!("{error:#}"));
    if !can_install() {
        bail!(
            "{why}; `rustup target add {TARGET}` must work, or on Debian as root `apt-get install {}`",
            DEBIAN_PACKAGES.join(" ")
        );
    }
    say::step(&format!("{why}; taking Debian's compiler instead"));
    apt_install(&DEBIAN_PACKAGES)?;
    if toolchain().is_none() {
        bail!("{} are installed, but {DEBIAN_RUSTC} has no source of the standard library", DEBIAN_PACKAGES.join(", "));
    }
    Ok(())
}

/// The toolchain at hand. `LATCHWORK_WASM=debian` passes over the first, to try the second.
pub(crate) fn toolchain() -> Option<Toolchain> {
    let wanted = std::env::var("LATCHWORK_WASM").unwrap_or_default();
    if wanted != "debian" && has_target(&rustc()) {
        return Some(Toolchain::Installed);
    }
    has_source(Path::new(DEBIAN_RUSTC)).then_some(Toolchain::Debian)
}

/// A cargo command for the target. `--target` and what the toolchain needs are added here.
pub(crate) fn cargo(args: &[&str]) -> Result<Command> {
    let toolchain = toolchain().with_context(|| format!("no toolchain for {TARGET}"))?;
    let mut command = process::cargo(args);
    command.args(["--target", TARGET, "--config", &short_paths(toolchain)]);
    if toolchain == Toolchain::Debian {
        command
            .arg("-Zbuild-std=std,panic_abort")
            .env("RUSTC", DEBIAN_RUSTC)
            .env("RUSTC_BOOTSTRAP", "1")
            .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", "wasm-ld")
            .env("CARGO_TARGET_DIR", target_folder(toolchain));
    }
    Ok(command)
}

/// A setting by which the binary does not carry where this machine keeps its sources, in the places that panics name.
fn short_paths(toolchain: Toolchain) -> String {
    let rustc = match toolchain {
        Toolchain::Installed => rustc(),
        Toolchain::Debian => PathBuf::from(DEBIAN_RUSTC),
    };
    let library = sysroot(&rustc).map(|root| root.join("lib/rustlib/src/rust/library"));
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cargo")));
    let registries = home.and_then(|home| std::fs::read_dir(home.join("registry/src")).ok());
    let crates = registries.into_iter().flatten().flatten().map(|entry| entry.path());
    let flags = library.into_iter().chain(crates).map(|path| format!("\"--remap-path-prefix={}=\"", path.display()));
    format!("target.{TARGET}.rustflags = [{}]", flags.collect::<Vec<_>>().join(", "))
}

/// Where a build for the target with this profile puts its result.
pub(crate) fn built_folder(profile: &str) -> Result<PathBuf> {
    let toolchain = toolchain().with_context(|| format!("no toolchain for {TARGET}"))?;
    Ok(target_folder(toolchain).join(TARGET).join(profile))
}

/// The two compilers do not share a folder: each would throw away what the other built.
fn target_folder(toolchain: Toolchain) -> PathBuf {
    match toolchain {
        Toolchain::Installed => process::target(),
        Toolchain::Debian => process::target().join("debian-web"),
    }
}

fn rustc() -> PathBuf {
    std::env::var_os("RUSTC").map_or_else(|| PathBuf::from("rustc"), PathBuf::from)
}

fn has_target(rustc: &Path) -> bool {
    sysroot(rustc).is_some_and(|root| root.join("lib/rustlib").join(TARGET).join("lib").is_dir())
}

fn has_source(rustc: &Path) -> bool {
    process::find_program(&["wasm-ld"]).is_some()
        && sysroot(rustc).is_some_and(|root| root.join("lib/rustlib/src/rust/library/std/Cargo.toml").is_file())
}

fn sysroot(rustc: &Path) -> Option<PathBuf> {
    process::capture(&mut command(rustc, &["--print", "sysroot"])).map(PathBuf::from)
}
