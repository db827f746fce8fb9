//! Brings all packs that are only in the bucket here, as a thaw does with those that have become readable:
//! `hydrate DIR ENDPOINT s3://BUCKET/PREFIX`, for an attached archive. For measuring.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failure is to be seen")]

use std::sync::{Arc, Mutex};

use firn_engine::Archive;
use firn_engine::id::PackId;
use firn_engine::store::{Key, PackArea};
use firn_s3::{S3Bucket, Settings};

/// Packs at a time, and bytes of each: as `firn thaw` has it.
const AT_A_TIME: usize = 4;
const PIECE: u64 = 8 << 20;

fn main() {
    let mut words = std::env::args().skip(1);
    let (Some(dir), Some(endpoint), Some(place)) = (words.next(), words.next(), words.next()) else {
        eprintln!("hydrate DIR ENDPOINT s3://BUCKET/PREFIX");
        std::process::exit(2);
    };
    let mut settings = Settings::new(place.parse().expect("a place in a bucket"));
    settings.endpoint = Some(endpoint);
    settings.region = Some("us-east-1".to_owned());
    let bucket = Arc::new(S3Bucket::connect(settings).unwrap());
    let archive = Archive::open_attached(dir.as_ref(), bucket, u64::MAX / 4).unwrap();
    let packs: Vec<(PackId, u64)> =
        archive.with_seen(|seen| seen.packs.iter().map(|(id, far)| (*id, far.len)).collect());
    let left = Mutex::new(packs.into_iter());
    std::thread::scope(|scope| {
        for _ in 0..AT_A_TIME {
            scope.spawn(|| {
                let next = || left.lock().unwrap().next();
                while let Some((pack, len)) = next() {
                    bring(&archive, pack, len);
                }
            });
        }
    });
}

fn bring(archive: &Archive, pack: PackId, len: u64) {
    let mut piece = Vec::new();
    let mut at = 0;
    while at < len {
        piece.resize(usize::try_from((len - at).min(PIECE)).unwrap(), 0);
        archive.store().read_at(&Key::Pack(PackArea::Data, pack), at, &mut piece).unwrap();
        at += piece.len() as u64;
    }
}
