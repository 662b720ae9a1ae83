//! The folders of scenario files, and their index.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Folders whose files every host must pass.
const PASSING: [&str; 5] = ["locks", "cells", "transactions", "watch", "owners"];

/// Where the scenario files are.
#[derive(Clone, Debug)]
pub struct Folders(PathBuf);

/// The names of all files, by folder: what `index.generated.json` holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Index {
    format: u32,
    /// By folder.
    pub folders: BTreeMap<String, Listed>,
}

/// The files of one folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listed {
    /// How many there are.
    pub count: usize,
    /// Their names, in order.
    pub files: Vec<String>,
}

impl Folders {
    /// The folders of this checkout.
    pub fn here() -> Folders {
        Folders(PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../scenarios")))
    }

    /// What the folders really hold.
    ///
    /// # Errors
    ///
    /// When a folder cannot be read.
    pub fn list(&self) -> io::Result<Index> {
        let mut folders = BTreeMap::new();
        for entry in fs::read_dir(&self.0)? {
            let entry = entry?;
            if !entry.file_type()?.is_dir() {
                continue;
            }
            let names = fs::read_dir(entry.path())?.map(|file| Ok(file?.file_name().to_string_lossy().into_owned()));
            let mut files = names.collect::<io::Result<Vec<_>>>()?;
            files.retain(|name| name.ends_with(".json"));
            files.sort();
            folders.insert(entry.file_name().to_string_lossy().into_owned(), Listed { count: files.len(), files });
        }
        Ok(Index { format: 1, folders })
    }

    /// The index as it is on disk.
    ///
    /// # Errors
    ///
    /// When it cannot be read.
    pub fn index(&self) -> io::Result<Index> {
        Ok(serde_json::from_str(&fs::read_to_string(self.index_path())?)?)
    }

    /// Writes the index.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub fn write_index(&self, index: &Index) -> io::Result<()> {
        fs::write(self.index_path(), serde_json::to_string_pretty(index)? + "\n")
    }

    /// The text of a file of a folder, or of the folder above.
    ///
    /// # Errors
    ///
    /// When it cannot be read.
    pub fn read(&self, folder: &str, file: &str) -> io::Result<String> {
        fs::read_to_string(self.0.join(folder).join(file))
    }

    /// The files of one folder: name without `.json`, and text.
    ///
    /// # Errors
    ///
    /// When one cannot be read.
    pub fn texts(&self, folder: &str) -> io::Result<Vec<(String, String)>> {
        let listed = self.list()?.folders.remove(folder);
        let files = listed.map(|listed| listed.files).unwrap_or_default();
        files
            .into_iter()
            .map(|file| {
                let text = self.read(folder, &file)?;
                Ok((file.trim_end_matches(".json").to_owned(), text))
            })
            .collect()
    }

    /// The files that every host must pass.
    ///
    /// # Errors
    ///
    /// When one cannot be read.
    pub fn passing(&self) -> io::Result<Vec<(String, String)>> {
        let mut all = Vec::new();
        for folder in PASSING {
            all.extend(self.texts(folder)?);
        }
        Ok(all)
    }

    fn index_path(&self) -> PathBuf {
        self.0.join("index.generated.json")
    }
}

/// The text of a file of test vectors.
///
/// # Errors
///
/// When it cannot be read.
pub fn vectors(file: &str) -> io::Result<String> {
    fs::read_to_string(PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../vectors")).join(file))
}

impl Index {
    /// How many files every host must pass.
    pub fn passing(&self) -> usize {
        PASSING.iter().filter_map(|folder| self.folders.get(*folder)).map(|listed| listed.count).sum()
    }
}
