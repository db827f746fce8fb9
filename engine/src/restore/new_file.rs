//! A file that appears under its name when it is complete, and never replaces another.

use std::fs;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use super::layout::new_file;
use crate::error::Error;

/// A file in the making; dropped before [`NewFile::finish`], it leaves nothing behind.
pub struct NewFile {
    path: PathBuf,
    file: BufWriter<tempfile::NamedTempFile>,
}

impl NewFile {
    /// Starts a file that will be `path`; an existing one is refused.
    pub fn create(path: &Path) -> Result<Self, Error> {
        if path.symlink_metadata().is_ok() {
            return Err(Error::Usage(format!("{} exists: choose another file", path.display())));
        }
        let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let file = new_file(dir).map_err(Error::system(format!("creating a file in {}", dir.display())))?;
        Ok(NewFile { path: path.to_owned(), file: BufWriter::with_capacity(256 << 10, file) })
    }

    /// What failed, for an error while writing to it.
    pub(super) fn failed(&self) -> impl FnOnce(io::Error) -> Error + use<> {
        Error::system(format!("writing {}", self.path.display()))
    }

    /// Gives the file its name, once its bytes are on the disk.
    pub fn finish(mut self) -> Result<(), Error> {
        self.file.flush().map_err(self.failed())?;
        self.file.get_ref().as_file().sync_all().map_err(self.failed())?;
        // Unlike a rename, a link fails where somebody else has made the file meanwhile.
        fs::hard_link(self.file.get_ref().path(), &self.path).map_err(self.failed())
    }
}

impl Write for NewFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}
