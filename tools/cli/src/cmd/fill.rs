//! Whole files that a mount unpacks by itself, while nobody reads.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use firn_engine::Archive;
use firn_engine::format::{Filesystem, ImageRecord};
use firn_fusefs::fs::Fs;
use firn_fusefs::hydrate::{self, HydrateError, Manner, ObjectDir, Pacer, Progress, Wanted};
use firn_fusefs::rootfs::Parts;

use super::hydrate::{Plan, all};
use super::serving::failed;
use crate::args::{Fill, RunOverlay};
use crate::failure::Failure;

/// Memory for decompressed frames: files come in the order of their frames.
const FRAMES: usize = 8 << 20;

/// What is to be filled from where.
pub struct Filler {
    pub archive: Archive,
    pub record: ImageRecord,
    pub filesystem: Filesystem,
    pub parts: Parts,
    pub pacer: Arc<Pacer>,
}

impl Filler {
    /// Works on a thread of its own until it is done or the process ends. A mount does without it if need be.
    pub fn start(self, args: &RunOverlay) {
        let (fill, limit) = (args.fill, args.fill_limit);
        if fill == Fill::None {
            return;
        }
        let work = move || {
            // Others' work first, on the processor, too.
            let _ = rustix::process::nice(19);
            if let Err(failure) = self.run(fill, limit) {
                eprint!("not all files could be unpacked: {}", failure.render(false).0);
            }
        };
        if let Err(error) = std::thread::Builder::new().name("firn-fill".into()).spawn(work) {
            eprintln!("firn: no files will be unpacked: {error}");
        }
    }

    fn run(self, fill: Fill, limit: u64) -> Result<(), Failure> {
        let objects = ObjectDir::at(self.archive.rootfs_cache().objects);
        let mut missing = all(&self.parts)?;
        missing.retain(|one| !objects.has(&one.object));
        if missing.is_empty() {
            return Ok(());
        }
        let image = Arc::new(self.archive.open_image_unnoticed(&self.record, &self.filesystem, FRAMES)?);
        let mut wanted = Plan::of(&image, &self.parts, missing, fill == Fill::All)?.wanted;
        let here = objects
            .stats()
            .map_err(|source| failed(HydrateError::Directory { path: objects.path().to_owned(), source }))?;
        fit(&mut wanted, limit.saturating_sub(here.on_disk));
        let fs = Fs::new(Arc::clone(&self.parts.objects), image);
        let (stop, progress) = (AtomicBool::new(false), Progress::default());
        let manner = Manner { pacer: &self.pacer, stop: &stop, progress: &progress };
        hydrate::hydrate(&fs, &self.parts.objects, &wanted, &objects, manner).map(drop).map_err(failed)
    }
}

/// Leaves those that have room, in their order.
fn fit(wanted: &mut Vec<Wanted>, mut room: u64) {
    wanted.retain(|one| {
        let left = room.checked_sub(one.size);
        room = left.unwrap_or(room);
        left.is_some()
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use firn_engine::id::ObjectId;
    use firn_fusefs::engine::Ino;

    #[test]
    fn no_more_than_has_room() {
        let sized = |size| Wanted { ino: Ino(1), object: ObjectId::from_bytes([0; 32]), size };
        for (room, sizes) in
            [(0, vec![0]), (4, vec![0, 1]), (5, vec![5, 0]), (6, vec![5, 0, 1]), (99, vec![5, 7, 0, 1])]
        {
            let mut wanted = [5, 7, 0, 1].map(sized).to_vec();
            fit(&mut wanted, room);
            assert_eq!(wanted.iter().map(|one| one.size).collect::<Vec<_>>(), sizes, "{room}");
        }
    }
}
