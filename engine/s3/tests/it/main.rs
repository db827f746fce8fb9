//! The bucket against the server with right archive semantics.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

use std::time::Duration;

use firn_engine::id::PackId;
use firn_engine::remote::{Class, Remote as _, RemoteError, RestoreAnswer, Tier, When, contract};
use firn_engine::store::{Body, Family, Key, PackArea};
use firn_s3::{Checksums, ConnectError, S3Bucket, Settings};
use glacier_sim::faults::Faults;
use glacier_sim::op::Op;
use glacier_sim::{Sim, SimHandle, SimOptions};

struct World {
    sim: SimHandle,
    bucket: S3Bucket,
    _dir: tempfile::TempDir,
}

fn settings(sim: &SimHandle, place: &str) -> Settings {
    let mut settings = Settings::new(place.parse().unwrap());
    settings.endpoint = Some(sim.url());
    settings.credentials = Some(("firn".into(), "secret".into()));
    settings.pause = Duration::from_millis(1);
    settings
}

fn world_with(change: impl FnOnce(&mut SimOptions, &mut Option<Checksums>)) -> World {
    let dir = tempfile::tempdir().unwrap();
    let mut options = SimOptions::new(dir.path());
    options.buckets = vec!["ice".into()];
    options.key = Some(("firn".into(), "secret".into()));
    let mut checksums = None;
    change(&mut options, &mut checksums);
    let sim = Sim::start(options).unwrap();
    let mut settings = settings(&sim, "s3://ice/team/app");
    settings.checksums = checksums.unwrap_or_default();
    World { bucket: S3Bucket::connect(settings).unwrap(), sim, _dir: dir }
}

fn pack(byte: u8) -> Key {
    Key::Pack(PackArea::Data, PackId::from_bytes([byte; 32]))
}

#[test]
fn objects_are_kept_as_agreed() {
    for checksums in [Checksums::Auto, Checksums::Always] {
        let world = world_with(|_, wanted| *wanted = Some(checksums));
        contract::objects(&world.bucket);
    }
}

#[test]
fn archive_classes_behave_as_agreed() {
    let world = world_with(|_, _| {});
    contract::archives(&world.bucket, &|seconds| {
        let _ = world.sim.advance(seconds).unwrap();
    });
}

/// Slower, never wrong: errors that pass, lost answers to conditional writes among them, are not seen from outside.
#[test]
fn a_flaky_server_is_only_slower() {
    for seed in 0..6 {
        let world = world_with(|options, _| {
            options.faults = Faults {
                seed,
                slow_down: 0.03,
                internal_error: 0.05,
                conflict: 0.0,
                reset: 0.04,
                lost_answer: 0.06,
                cut_body: 0.15,
                ..Faults::default()
            };
        });
        contract::objects(&world.bucket);
        let faults = world.sim.requests().unwrap().iter().filter(|request| request.fault.is_some()).count();
        assert!(faults > 0, "seed {seed} met no fault");
    }
}

#[test]
fn whole_objects_are_checked_on_the_way_and_read_again() {
    let world = world_with(|options, _| {
        options.faults = Faults { corrupt_body: 1.0, limit: Some(2), ..Faults::default() };
    });
    let bytes = vec![7; 100_000];
    world.bucket.put(&Key::Config, Body::Bytes(&bytes), Class::Standard, &When::Absent).unwrap();
    assert_eq!(world.bucket.get(&Key::Config, 1 << 20).unwrap().0, bytes);
    let reads = world.sim.requests().unwrap().iter().filter(|request| request.bytes_out > 50_000).count();
    assert_eq!(reads, 3, "two damaged ones and a good one");
}

/// One attempt more may be one bill more.
#[test]
fn a_restore_is_asked_for_once() {
    let world = world_with(|_, _| {});
    world.bucket.put(&pack(1), Body::Bytes(b"deep"), Class::DeepArchive, &When::Absent).unwrap();
    let restores = || {
        let requests = world.sim.requests().unwrap();
        requests.iter().filter(|request| request.op == Some(Op::RestoreObject)).count()
    };
    world.sim.set_faults(Faults { internal_error: 1.0, ..Faults::default() }).unwrap();
    let outcome = world.bucket.restore(&pack(1), 1, Tier::Bulk);
    assert!(matches!(outcome, Err(RemoteError::Unreachable { .. })), "{outcome:?}");
    world.sim.set_faults(Faults { lost_answer: 1.0, ..Faults::default() }).unwrap();
    let outcome = world.bucket.restore(&pack(1), 1, Tier::Bulk);
    assert!(matches!(outcome, Err(RemoteError::Unreachable { .. })), "{outcome:?}");
    world.sim.set_faults(Faults::default()).unwrap();
    assert_eq!(world.bucket.restore(&pack(1), 1, Tier::Bulk).unwrap(), RestoreAnswer::Ongoing);
    assert_eq!(restores(), 3);
}

#[test]
fn what_deep_archive_can_not_do_is_refused_in_the_servers_words() {
    let world = world_with(|_, _| {});
    world.bucket.put(&pack(1), Body::Bytes(b"deep"), Class::DeepArchive, &When::Absent).unwrap();
    let error = world.bucket.restore(&pack(1), 1, Tier::Expedited).unwrap_err();
    assert!(matches!(&error, RemoteError::Refused { .. }), "{error}");
    assert!(error.to_string().starts_with("restoring packs/01/"), "{error}");
}

#[test]
fn no_capacity_and_too_many_requests_are_told_apart() {
    let world = world_with(|options, _| options.quota.restores_per_second = Some(1));
    for byte in 1..=2 {
        world.bucket.put(&pack(byte), Body::Bytes(b"ice"), Class::GlacierFlexible, &When::Absent).unwrap();
    }
    assert_eq!(world.bucket.restore(&pack(1), 1, Tier::Standard).unwrap(), RestoreAnswer::Accepted);
    let outcome = world.bucket.restore(&pack(2), 1, Tier::Standard);
    assert!(matches!(outcome, Err(RemoteError::SlowDown { .. })), "{outcome:?}");
}

/// A server that takes connections and says nothing.
#[test]
fn a_read_gives_up_in_time() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let mut settings = Settings::new("s3://ice/x".parse().unwrap());
    settings.endpoint = Some(format!("http://{}", silent.local_addr().unwrap()));
    settings.credentials = Some(("firn".into(), "secret".into()));
    settings.attempts = 2;
    settings.read_attempt_timeout = Duration::from_millis(200);
    settings.read_timeout = Duration::from_secs(2);
    let error = S3Bucket::connect(settings).unwrap().read_at(&pack(1), 0, &mut [0; 10]).unwrap_err();
    assert!(matches!(error, RemoteError::Unreachable { .. }), "{error}");
}

#[test]
fn listings_have_many_pages_and_no_foreigners() {
    let world = world_with(|_, _| {});
    for number in 0..2100u32 {
        let mut id = [0; 32];
        id[..4].copy_from_slice(&number.to_be_bytes());
        let key = Key::Footer(PackId::from_bytes(id));
        world.bucket.put(&key, Body::Bytes(&[1]), Class::Standard, &When::Absent).unwrap();
    }
    let other = S3Bucket::connect(settings(&world.sim, "s3://ice/team/app/footers/00")).unwrap();
    other.put(&Key::Config, Body::Bytes(b"foreign"), Class::Standard, &When::Absent).unwrap();
    let (mut pages, mut objects) = (0, 0);
    world.bucket.list(Family::Footers, &mut |page| (pages, objects) = (pages + 1, objects + page.len())).unwrap();
    assert_eq!((pages, objects), (3, 2100));
}

#[test]
fn wrong_keys_buckets_and_servers_are_named() {
    let world = world_with(|_, _| {});
    let mut wrong = settings(&world.sim, "s3://ice/team/app");
    wrong.credentials = Some(("firn".into(), "guess".into()));
    let error = S3Bucket::connect(wrong).unwrap().get(&Key::Config, 10).unwrap_err();
    assert!(matches!(&error, RemoteError::Refused { status: 403, .. }), "{error}");
    let elsewhere = S3Bucket::connect(settings(&world.sim, "s3://fire/x")).unwrap();
    let error = elsewhere.get(&Key::Config, 10).unwrap_err();
    assert!(matches!(&error, RemoteError::Refused { code, .. } if code == "NoSuchBucket"), "{error}");
    let mut nobody = settings(&world.sim, "s3://ice/x");
    nobody.endpoint = Some("http://127.0.0.1:9".into());
    nobody.attempts = 2;
    let error = S3Bucket::connect(nobody).unwrap().get(&Key::Config, 10).unwrap_err();
    assert!(matches!(&error, RemoteError::Unreachable { .. }), "{error}");
    let mut nonsense = settings(&world.sim, "s3://ice/x");
    nonsense.endpoint = Some("localhost:9000".into());
    assert!(matches!(S3Bucket::connect(nonsense), Err(ConnectError::Endpoint(_))));
}
