//! The two browsers: found, or installed from Debian's packages.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::process::{self, command, run};
use crate::say;

/// A browser that the page tests run in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Browser {
    Chromium,
    Firefox,
}

impl Browser {
    pub(crate) const ALL: [Browser; 2] = [Browser::Chromium, Browser::Firefox];

    /// The name that the browser runner takes and reports.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Browser::Chromium => "chromium",
            Browser::Firefox => "firefox",
        }
    }

    /// The environment variable that names the program, for us and for the runner.
    pub(crate) fn variable(self) -> &'static str {
        match self {
            Browser::Chromium => "LATCHWORK_CHROMIUM",
            Browser::Firefox => "LATCHWORK_FIREFOX",
        }
    }

    fn programs(self) -> &'static [&'static str] {
        match self {
            Browser::Chromium => &["chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"],
            Browser::Firefox => &["firefox-esr", "firefox"],
        }
    }

    /// Where macOS keeps it, which is not on `PATH`.
    fn bundles(self) -> &'static [&'static str] {
        match self {
            Browser::Chromium => &[
                "/Applications/Chromium.app/Contents/MacOS/Chromium",
                "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
            ],
            Browser::Firefox => &["/Applications/Firefox.app/Contents/MacOS/firefox"],
        }
    }

    fn package(self) -> &'static str {
        match self {
            Browser::Chromium => "chromium",
            Browser::Firefox => "firefox-esr",
        }
    }

    /// The program; an error if it is not on this machine.
    pub(crate) fn path(self) -> Result<PathBuf> {
        self.find()?.with_context(|| format!("{} is not installed", self.name()))
    }

    /// The program, if it is on this machine. A variable that names no file is an error, not a miss.
    fn find(self) -> Result<Option<PathBuf>> {
        if let Some(path) = std::env::var_os(self.variable()) {
            let path = PathBuf::from(path);
            if !path.is_file() {
                bail!("{} names no file: {}", self.variable(), path.display());
            }
            return Ok(Some(path));
        }
        Ok(process::find_program(self.programs())
            .or_else(|| self.bundles().iter().map(PathBuf::from).find(|path| path.is_file())))
    }
}

/// Both browsers, installed if need be and possible.
pub(crate) fn prepare() -> Result<()> {
    let mut missing = Vec::new();
    for browser in Browser::ALL {
        match browser.find()? {
            Some(path) => say::step(&format!("{}: {}", browser.name(), version(&path))),
            None => missing.push(browser),
        }
    }
    if missing.is_empty() {
        return Ok(());
    }
    let packages: Vec<&str> = missing.iter().map(|browser| browser.package()).collect();
    if !can_install() {
        bail!(
            "missing: {}. Install them (on Debian as root: apt-get install {}) or name their programs in {}",
            missing.iter().map(|browser| browser.name()).collect::<Vec<_>>().join(", "),
            packages.join(" "),
            missing.iter().map(|browser| browser.variable()).collect::<Vec<_>>().join(", "),
        );
    }
    say::step(&format!("installing {} from Debian's packages (about 150 MB each)", packages.join(" and ")));
    apt_install(&packages)?;
    for browser in missing {
        match browser.find()? {
            Some(path) => say::step(&format!("{}: {}", browser.name(), version(&path))),
            None => bail!("{} was installed but is not on PATH", browser.package()),
        }
    }
    Ok(())
}

/// Whether packages can be installed here: Debian or one of its kind, as root.
pub(crate) fn can_install() -> bool {
    process::find_program(&["apt-get"]).is_some()
        && process::capture(&mut command("id", &["-u"])).as_deref() == Some("0")
}

/// Installs Debian packages.
pub(crate) fn apt_install(packages: &[&str]) -> Result<()> {
    run(command("apt-get", &["update", "-qq"]).env("DEBIAN_FRONTEND", "noninteractive"))?;
    run(command("apt-get", &["install", "-y", "-qq", "--no-install-recommends"])
        .args(packages)
        .env("DEBIAN_FRONTEND", "noninteractive"))
}

fn version(path: &Path) -> String {
    process::capture(command(path, &["--version"]).env("HOME", process::target()))
        .and_then(|text| text.lines().last().map(str::to_owned))
        .unwrap_or_else(|| path.display().to_string())
}
