//! `firn cat`

use std::io::Write;
use std::sync::Arc;

use firn_engine::Error;
use firn_fusefs::fs::Fs;

use crate::args::Cat;
use crate::context::{Context, choose_filesystem};
use crate::failure::Failure;

/// Memory for decompressed frames.
const CACHE: usize = 64 << 20;
/// Bytes written at a time.
const PIECE: usize = 1 << 20;

pub fn run(context: &Context, args: &Cat) -> Result<(), Failure> {
    let archive = context.archive()?;
    let record = archive.resolve(&args.image)?;
    let filesystem = choose_filesystem(&record, &args.platform)?;
    let image = archive.open_image(&record, filesystem, CACHE)?;
    let tree = Arc::clone(image.tree());
    let bad = |error: firn_engine::tree::TreeError| Failure::usage(format!("{}: {error}", args.path));
    let missing = || Error::NoSuchPath { path: args.path.clone(), image: args.image.clone() };
    let ino = tree.resolve_following(args.path.as_bytes()).map_err(bad)?.ok_or_else(missing)?;
    let fs = Fs::new(tree, Arc::new(image));
    let mut out = std::io::stdout().lock();
    let mut buffer = vec![0; PIECE];
    let mut offset = 0;
    loop {
        let len = fs.read(ino, offset, &mut buffer).map_err(|error| Failure::Other {
            kind: firn_engine::ErrorKind::Usage,
            message: format!("{}: {error}", args.path),
            source: None,
        })?;
        if len == 0 {
            return Ok(());
        }
        match out.write_all(buffer.get(..len).unwrap_or_default()) {
            Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => return Ok(()),
            written => written.map_err(Failure::system("writing to standard output"))?,
        }
        offset += len as u64;
    }
}
