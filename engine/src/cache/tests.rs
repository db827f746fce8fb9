use std::sync::Barrier;

use super::*;

fn pack(byte: u8) -> PackId {
    PackId::from_bytes([byte; 32])
}

fn content(start: u64, buf: &mut [u8]) {
    for (at, byte) in (start..).zip(buf) {
        *byte = (at % 251) as u8;
    }
}

fn expect(cache: &RangeCache, id: PackId, offset: u64, len: usize) {
    let (mut buf, mut wanted) = (vec![0; len], vec![0; len]);
    content(offset, &mut wanted);
    let fetch = |start, buf: &mut [u8]| {
        content(start, buf);
        Ok::<_, ()>(())
    };
    cache.read_at(id, Some(1 << 30), offset, &mut buf, fetch).unwrap();
    assert_eq!(buf, wanted);
}

#[test]
fn what_was_read_once_is_here_even_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let cache = RangeCache::new(dir.path().to_owned(), 1 << 20);
    expect(&cache, pack(1), 1000, 5000);
    expect(&cache, pack(1), 3000, 1000);
    expect(&cache, pack(1), 500, 8000);
    let stats = cache.stats();
    assert_eq!((stats.fetches, stats.bytes_fetched, stats.bytes_hit), (3, 8000, 6000));
    let cache = RangeCache::new(dir.path().to_owned(), 1 << 20);
    expect(&cache, pack(1), 500, 8000);
    assert_eq!(cache.stats(), CacheStats { bytes_hit: 8000, ..CacheStats::default() });
}

/// A mount, and a thaw beside it.
#[test]
fn what_another_process_keeps_is_found() {
    let dir = tempfile::tempdir().unwrap();
    let [one, other] = [0, 1].map(|_| RangeCache::new(dir.path().to_owned(), 1 << 20));
    expect(&one, pack(1), 1000, 500);
    expect(&other, pack(1), 0, 5000);
    expect(&one, pack(1), 0, 5000);
    assert_eq!(one.stats(), CacheStats { bytes_hit: 5000, fetches: 1, bytes_fetched: 500, not_kept: 0 });
    // Once nothing changes any more, looking is not repeated, and a change is seen all the same.
    let place = std::fs::read_dir(dir.path()).unwrap().next().unwrap().unwrap().path().join(pack(1).to_string());
    let past = std::time::SystemTime::now() - std::time::Duration::from_secs(100);
    let set = |time| std::fs::File::open(&place).unwrap().set_modified(time).unwrap();
    set(past);
    expect(&one, pack(1), 20_000, 10);
    set(past);
    expect(&other, pack(1), 30_000, 10);
    expect(&one, pack(1), 30_000, 10);
    assert_eq!(one.stats().fetches, 2);
}

#[test]
fn readers_of_the_same_bytes_share_one_fetch() {
    let dir = tempfile::tempdir().unwrap();
    let cache = RangeCache::new(dir.path().to_owned(), 1 << 20);
    let (readers, fetches) = (8, AtomicU64::new(0));
    let barrier = Barrier::new(readers);
    std::thread::scope(|scope| {
        for _ in 0..readers {
            scope.spawn(|| {
                barrier.wait();
                let mut buf = [0; 4096];
                let fetch = |start, buf: &mut [u8]| {
                    fetches.fetch_add(1, Ordering::SeqCst);
                    std::thread::sleep(std::time::Duration::from_millis(50));
                    content(start, buf);
                    Ok::<_, ()>(())
                };
                cache.read_at(pack(1), None, 0, &mut buf, fetch).unwrap();
            });
        }
    });
    assert_eq!(fetches.into_inner(), 1);
}

#[test]
fn a_failed_fetch_is_told_and_the_next_reader_tries_again() {
    let dir = tempfile::tempdir().unwrap();
    let cache = RangeCache::new(dir.path().to_owned(), 1 << 20);
    assert_eq!(cache.read_at(pack(1), None, 0, &mut [0; 10], |_, _| Err("down")), Err("down"));
    expect(&cache, pack(1), 0, 10);
}

#[test]
fn wrong_bytes_are_forgotten() {
    let dir = tempfile::tempdir().unwrap();
    let cache = RangeCache::new(dir.path().to_owned(), 1 << 20);
    let damaged = |_, buf: &mut [u8]| {
        buf.fill(0xee);
        Ok::<_, ()>(())
    };
    cache.read_at(pack(1), None, 0, &mut [0; 100], damaged).unwrap();
    assert!(cache.distrust(pack(1), 50, 10));
    assert!(!cache.distrust(pack(1), 50, 10));
    expect(&cache, pack(1), 0, 100);
}

#[test]
fn it_stays_within_its_limit_and_keeps_what_was_used_last() {
    let dir = tempfile::tempdir().unwrap();
    let cache = RangeCache::new(dir.path().to_owned(), 100_000);
    let size = || cache.files.ranges_of(pack(1)).iter().map(|(_, len)| len).sum::<u64>();
    for number in 0..40 {
        expect(&cache, pack(1), number * 1_000_000, 10_000);
        assert!(size() <= 100_000, "{} after {number}", size());
    }
    assert!(size() >= 50_000);
    assert!(cache.files.ranges_of(pack(1)).contains(&(39_000_000, 10_000)));
    // What another process removed is fetched again.
    std::fs::remove_dir_all(dir.path().join("01")).unwrap();
    expect(&cache, pack(1), 39_000_000, 10_000);
}

#[test]
fn without_room_or_a_disk_bytes_pass_through() {
    let dir = tempfile::tempdir().unwrap();
    let none = RangeCache::new(dir.path().join("none"), 0);
    expect(&none, pack(1), 0, 1000);
    expect(&none, pack(1), 0, 1000);
    assert_eq!((none.stats().fetches, none.stats().not_kept), (2, 2));
    let file = dir.path().join("file");
    std::fs::write(&file, b"in the way").unwrap();
    let broken = RangeCache::new(file, 1 << 20);
    expect(&broken, pack(1), 0, 1000);
    assert_eq!(broken.stats().not_kept, 1);
}

#[test]
fn pieces_cut_short_and_foreign_files_do_no_harm() {
    let dir = tempfile::tempdir().unwrap();
    let cache = RangeCache::new(dir.path().to_owned(), 1 << 20);
    expect(&cache, pack(1), 0, 1000);
    let place = dir.path().join("01").join("01".repeat(32));
    std::fs::write(place.join("0-1000"), b"short").unwrap();
    for name in ["README", "5-", "-5", "+5-10", "05-10", "18446744073709551615-2"] {
        std::fs::write(place.join(name), b"").unwrap();
    }
    expect(&cache, pack(1), 0, 1000);
    let again = RangeCache::new(dir.path().to_owned(), 1 << 20);
    expect(&again, pack(1), 0, 2000);
}
