//! JSON documents in a folder, one file each.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::fs;

/// Documents are read and written whole: a reader sees the old file or the new one, never half of one.
#[derive(Clone, Debug)]
pub(crate) struct Store {
    folder: PathBuf,
    written: Arc<AtomicU64>,
}

impl Store {
    pub(crate) fn new(folder: &Path) -> Store {
        Store { folder: folder.to_owned(), written: Arc::default() }
    }

    /// Reads the document from its file.
    pub(crate) async fn load<T: DeserializeOwned>(&self, name: &str) -> io::Result<T> {
        let text = fs::read(self.file(name)?).await?;
        Ok(serde_json::from_slice(&text)?)
    }

    /// Puts a new file in the place of the old one.
    pub(crate) async fn save<T: Serialize>(&self, name: &str, document: &T) -> io::Result<()> {
        let file = self.file(name)?;
        let fresh = file.with_extension(format!("json.{}", self.written.fetch_add(1, Ordering::Relaxed)));
        fs::write(&fresh, serde_json::to_vec(document)?).await?;
        fs::rename(&fresh, &file).await
    }

    /// Names come from addresses, so nothing but letters, digits and `-` is a name.
    fn file(&self, name: &str) -> io::Result<PathBuf> {
        if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
            return Err(io::Error::new(io::ErrorKind::NotFound, format!("no such document name={name:?}")));
        }
        Ok(self.folder.join(format!("{name}.json")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_was_saved_last_is_loaded() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::new(folder.path());
        store.save("a", &1).await.unwrap();
        store.save("a", &2).await.unwrap();
        assert_eq!(store.load::<i32>("a").await.unwrap(), 2);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[tokio::test]
    async fn a_name_cannot_leave_the_folder() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::new(folder.path());
        for name in ["", "..", "../a", "/a", "missing"] {
            assert_eq!(store.load::<i32>(name).await.unwrap_err().kind(), io::ErrorKind::NotFound, "{name}");
        }
    }
}
