//! The repository's files, without what is built or installed.

use std::fs;
use std::path::{Path, PathBuf};

const LEFT_OUT: [&str; 5] = ["target", "node_modules", "dist", "generated", "__pycache__"];

/// The text of every file with one of these extensions; paths from the root, with `/`.
pub(crate) fn files(extensions: &[&str]) -> Vec<(String, String)> {
    let wanted = |path: &Path| path.extension().is_some_and(|found| extensions.iter().any(|&wanted| found == wanted));
    read(&wanted)
}

/// Every crate's manifest.
pub(crate) fn manifests() -> Vec<(String, String)> {
    read(&|path: &Path| path.ends_with("Cargo.toml"))
}

/// The repository's root.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn read(wanted: &dyn Fn(&Path) -> bool) -> Vec<(String, String)> {
    let mut paths = Vec::new();
    collect(&root(), wanted, &mut paths);
    paths.sort();
    let name = |path: &Path| path.strip_prefix(root()).unwrap().to_string_lossy().replace('\\', "/");
    paths.iter().map(|path| (name(path), fs::read_to_string(path).unwrap())).collect()
}

fn collect(folder: &Path, wanted: &dyn Fn(&Path) -> bool, paths: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if name.starts_with('.') || LEFT_OUT.contains(&name.as_str()) {
            continue;
        }
        if path.is_dir() {
            collect(&path, wanted, paths);
        } else if wanted(&path) {
            paths.push(path);
        }
    }
}
