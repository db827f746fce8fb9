//! An OCI layout in a tar file.

use std::io::Write;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use serde_json::{Map, Value};

use super::layout::{LayoutWriter, add_to_index, layout_marker};
use super::new_file::NewFile;
use super::ustar::{END, Header, pad, write_member};
use crate::error::Error;
use crate::format::BlobRecord;

/// An OCI layout in a tar file, which appears under its name when it is complete.
pub struct OciArchiveWriter {
    file: Mutex<Option<NewFile>>,
}

impl OciArchiveWriter {
    /// Writes to `path`; an existing file is refused.
    pub fn create(path: &Path) -> Result<Self, Error> {
        let mut file = NewFile::create(path)?;
        write_member(&mut file, "oci-layout", &layout_marker()).map_err(file.failed())?;
        Ok(OciArchiveWriter { file: Mutex::new(Some(file)) })
    }
}

fn finished() -> Error {
    Error::Internal("an archive was written to after its end".to_owned())
}

impl LayoutWriter for OciArchiveWriter {
    fn takes_any_order(&self) -> bool {
        false
    }

    fn has(&self, _blob: &BlobRecord) -> Result<bool, Error> {
        Ok(false)
    }

    fn blob(&self, blob: &BlobRecord, fill: &mut dyn FnMut(&mut dyn Write) -> Result<(), Error>) -> Result<(), Error> {
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        let file = file.as_mut().ok_or_else(finished)?;
        let name = format!("blobs/sha256/{}", blob.digest.hex());
        file.write_all(&Header::file(name.as_bytes(), blob.size).encode()).map_err(file.failed())?;
        fill(file)?;
        pad(file, blob.size).map_err(file.failed())
    }

    fn list(&mut self, descriptor: Map<String, Value>) -> Result<(), Error> {
        let file = self.file.get_mut().unwrap_or_else(PoisonError::into_inner).take();
        let mut file = file.ok_or_else(finished)?;
        let index = add_to_index(None, descriptor).to_string();
        write_member(&mut file, "index.json", index.as_bytes()).map_err(file.failed())?;
        file.write_all(&END).map_err(file.failed())?;
        file.finish()
    }
}
