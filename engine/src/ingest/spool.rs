//! The metadata of a layer that was just taken apart, kept aside until its packs are sealed and it can be read from them.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Write};
use std::path::Path;
use std::sync::Arc;

use crate::file_part::FilePart;

/// Which stream of a layer.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Part {
    Skeleton,
    Ops,
    Refs,
}

/// Skeleton, operations and chunk references of one layer in unnamed temporary files.
#[derive(Debug)]
pub(crate) struct Spool {
    files: [(Arc<File>, u64); 3],
}

/// A [`Spool`] in the making.
#[derive(Debug)]
pub(crate) struct SpoolWriter {
    files: [(BufWriter<File>, u64); 3],
}

impl SpoolWriter {
    pub(crate) fn create(tmp: &Path) -> io::Result<Self> {
        std::fs::create_dir_all(tmp)?;
        let file = || tempfile::tempfile_in(tmp).map(|file| (BufWriter::with_capacity(64 << 10, file), 0));
        Ok(SpoolWriter { files: [file()?, file()?, file()?] })
    }

    pub(crate) fn write(&mut self, part: Part, bytes: &[u8]) -> io::Result<()> {
        let [skeleton, ops, refs] = &mut self.files;
        let (file, len) = match part {
            Part::Skeleton => skeleton,
            Part::Ops => ops,
            Part::Refs => refs,
        };
        *len += bytes.len() as u64;
        file.write_all(bytes)
    }

    pub(crate) fn finish(self) -> io::Result<Spool> {
        let file = |(writer, len): (BufWriter<File>, u64)| {
            let file = writer.into_inner().map_err(io::IntoInnerError::into_error)?;
            io::Result::Ok((Arc::new(file), len))
        };
        let [skeleton, ops, refs] = self.files;
        Ok(Spool { files: [file(skeleton)?, file(ops)?, file(refs)?] })
    }
}

impl Spool {
    /// The streams in the order of [`Part`], each from its first byte on; any number of readers may be open.
    pub(crate) fn open(&self) -> [BufReader<FilePart>; 3] {
        self.files.each_ref().map(|(file, len)| BufReader::new(FilePart::new(Arc::clone(file), 0, *len)))
    }
}
