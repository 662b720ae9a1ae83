//! Child processes: what is run is said, what they print is shown as it comes.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::say;

/// What a child left behind: its lines on standard output and whether it ended well.
#[derive(Debug)]
pub(crate) struct Output {
    pub(crate) lines: Vec<String>,
    pub(crate) ok: bool,
}

/// A command that reads nothing, in the repository's root unless `current_dir` says otherwise.
pub(crate) fn command(program: impl AsRef<OsStr>, args: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.args(args).current_dir(root()).stdin(Stdio::null());
    command
}

/// `npm` with these arguments; on Windows it is a script that needs its full name.
pub(crate) fn npm(args: &[&str]) -> Command {
    command(if cfg!(windows) { "npm.cmd" } else { "npm" }, args)
}

/// The cargo that runs this task.
pub(crate) fn cargo(args: &[&str]) -> Command {
    command(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()), args)
}

/// Runs the command, its output shown; an error unless it ends well.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let line = describe(command);
    say::command(&line);
    let status = command.status().with_context(|| format!("cannot start {}", program(command)))?;
    if !status.success() {
        bail!("`{line}` failed ({status})");
    }
    Ok(())
}

/// Runs the command, its output shown and its lines on standard output kept.
pub(crate) fn watch(command: &mut Command) -> Result<Output> {
    watch_some(command, |_| true)
}

/// As `watch`, but of standard output only those lines are shown that are for people.
pub(crate) fn watch_some(command: &mut Command, for_people: impl Fn(&str) -> bool) -> Result<Output> {
    say::command(&describe(command));
    let child = without_colours(command).stdout(Stdio::piped()).spawn();
    let mut child = child.with_context(|| format!("cannot start {}", program(command)))?;
    let stdout = child.stdout.take().context("no pipe to the child's standard output")?;
    let mut lines = Vec::new();
    for line in BufReader::new(stdout).split(b'\n') {
        let line = line_of(&line?);
        if for_people(&line) {
            println!("{line}");
        }
        lines.push(line);
    }
    let ok = child.wait()?.success();
    Ok(Output { lines, ok })
}

/// As `watch`, but nothing is shown: the lines are kept, those on standard error first.
pub(crate) fn gather(command: &mut Command) -> Result<Output> {
    let output = without_colours(command).output().with_context(|| format!("cannot start {}", program(command)))?;
    let parts =
        [&output.stderr, &output.stdout].into_iter().flat_map(|bytes| bytes.split_inclusive(|&byte| byte == b'\n'));
    let lines = parts.map(|line| line_of(line.strip_suffix(b"\n").unwrap_or(line))).collect();
    Ok(Output { lines, ok: output.status.success() })
}

/// The runners' lines are read.
fn without_colours(command: &mut Command) -> &mut Command {
    command.env("NO_COLOR", "1").env_remove("FORCE_COLOR").env_remove("PY_COLORS")
}

fn line_of(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).trim_end_matches('\r').to_owned()
}

/// The command's trimmed standard output, or `None` if it cannot be run or fails. Nothing is shown.
pub(crate) fn capture(command: &mut Command) -> Option<String> {
    let output = command.stderr(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// The first of these programs that stands in a folder of `PATH`.
pub(crate) fn find_program(names: &[&str]) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    names
        .iter()
        .map(|name| format!("{name}{}", std::env::consts::EXE_SUFFIX))
        .flat_map(|name| folders.iter().map(move |folder| folder.join(&name)))
        .find(|file| file.is_file())
}

/// The repository's root.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask lies in the repository's root")
}

/// Where cargo builds.
pub(crate) fn target() -> PathBuf {
    match std::env::var_os("CARGO_TARGET_DIR") {
        Some(folder) => root().join(folder),
        None => root().join("target"),
    }
}

/// The command as one would type it, paths inside the repository relative.
pub(crate) fn describe(command: &Command) -> String {
    let mut words = vec![program(command)];
    words.extend(command.get_args().map(relative));
    let line = words.join(" ");
    match command.get_current_dir() {
        Some(folder) if folder != root() => format!("(in {}) {line}", relative(folder.as_os_str())),
        _ => line,
    }
}

fn program(command: &Command) -> String {
    let program = Path::new(command.get_program());
    if program.is_absolute() && !program.starts_with(root()) {
        return program.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    }
    relative(program.as_os_str())
}

fn relative(word: &OsStr) -> String {
    let path = Path::new(word);
    let word = path.strip_prefix(root()).unwrap_or(path).to_string_lossy().into_owned();
    if word.is_empty() {
        ".".to_owned()
    } else if word.contains(' ') {
        format!("'{word}'")
    } else {
        word
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_described_as_typed() {
        let folder = root().join("core");
        let mut listing = command("ls", &["-l", "a b"]);
        assert_eq!(describe(&listing), "ls -l 'a b'");
        listing.arg(folder.join("src")).current_dir(folder);
        assert_eq!(describe(&listing), "(in core) ls -l 'a b' core/src");
    }

    #[test]
    fn a_missing_program_is_an_error_that_names_it() {
        let error = run(&mut command("no-such-program-here", &[])).unwrap_err();
        assert!(error.to_string().contains("no-such-program-here"), "{error}");
        assert!(capture(&mut command("no-such-program-here", &[])).is_none());
    }

    #[test]
    fn the_lines_of_a_child_are_kept() {
        let output = watch(cargo(&["--version"]).env_remove("RUSTFLAGS")).unwrap();
        assert!(output.ok);
        assert_eq!(output.lines.len(), 1);
        assert!(output.lines[0].starts_with("cargo "));
    }

    #[test]
    fn what_is_gathered_are_the_lines_of_both_outputs() {
        let script = "console.error('a\\n'); console.log('b')";
        let output = gather(&mut command("node", &["-e", script])).unwrap();
        assert!(output.ok);
        assert_eq!(output.lines, ["a", "", "b"]);
        assert!(!gather(&mut command("node", &["-e", "process.exit(3)"])).unwrap().ok);
    }
}
