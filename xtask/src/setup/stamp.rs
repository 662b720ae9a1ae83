//! Stamps: the inputs of a step, kept beside its result, tell whether the result is still good.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

/// Whether the file holds exactly these bytes.
pub(crate) fn holds(file: &Path, bytes: &[u8]) -> bool {
    fs::read(file).is_ok_and(|there| there == bytes)
}

/// Writes the file whole: another process sees the old one or the new one, and a program that has
/// the old one mapped keeps it.
pub(crate) fn replace(file: &Path, bytes: &[u8]) -> Result<()> {
    let folder = file.parent().context("a stamp needs a folder")?;
    fs::create_dir_all(folder)?;
    let name = file.file_name().context("a stamp needs a name")?.to_string_lossy();
    let fresh = folder.join(format!(".{name}.{}", std::process::id()));
    fs::write(&fresh, bytes).with_context(|| format!("cannot write {}", fresh.display()))?;
    fs::rename(&fresh, file).with_context(|| format!("cannot write {}", file.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_holds_what_was_written_last() {
        let folder = std::env::temp_dir().join(format!("latchwork-stamp-{}", std::process::id()));
        let file = folder.join("stamp");
        assert!(!holds(&file, b"one"));
        replace(&file, b"one").unwrap();
        assert!(holds(&file, b"one"));
        replace(&file, b"two").unwrap();
        assert!(holds(&file, b"two") && !holds(&file, b"one"));
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
        fs::remove_dir_all(folder).unwrap();
    }
}
