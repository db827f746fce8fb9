//! Reads of content that sleeps, held and refused, through the kernel.

use std::fs::{self, File};
use std::os::unix::fs::FileExt as _;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use firn_engine::id::PackId;
use firn_engine::tree::ContentRef;
use firn_fusefs::cold::{ColdReads, State, Whereabouts};
use firn_fusefs::content::{Content, ContentError};
use firn_fusefs::fs::Fs;

use crate::os;
use crate::sample::{Bytes, PACK, Sample};
use crate::semantics::quote;
use crate::world::{World, errno, until};

const EVER: Duration = Duration::from_secs(120);

/// Big files sleep until they are woken; the others are always there.
struct Ice {
    bytes: Bytes,
    patience: Duration,
    awake: AtomicBool,
    looks: AtomicUsize,
    asleep: Mutex<Vec<PackId>>,
}

fn sleeps(content: ContentRef) -> bool {
    content.count > 10
}

impl Content for Ice {
    fn read_stored(&self, content: ContentRef, offset: u64, buf: &mut [u8]) -> Result<(), ContentError> {
        if sleeps(content) && !self.awake.load(Ordering::SeqCst) {
            return Err(ContentError::Frozen { what: "a pack".into(), pack: PACK });
        }
        self.bytes.read_stored(content, offset, buf)
    }
}

impl ColdReads for Ice {
    fn patience(&self) -> Duration {
        self.patience
    }

    fn traffic(&self) -> Option<String> {
        Some("requests=7".to_owned())
    }

    fn asleep(&self, pack: PackId) {
        self.asleep.lock().unwrap().push(pack);
    }

    fn is_awake(&self, pack: PackId) -> bool {
        assert_eq!(pack, PACK);
        self.looks.fetch_add(1, Ordering::SeqCst);
        self.awake.load(Ordering::SeqCst)
    }

    fn whereabouts(&self, content: Option<ContentRef>) -> Result<Whereabouts, ContentError> {
        Ok(match content.is_some_and(sleeps) {
            true => Whereabouts { state: State::Frozen, tier: "glacier".into(), thaw_eta: None },
            false => Whereabouts { state: State::Near, tier: "standard-ia".into(), thaw_eta: None },
        })
    }
}

/// A mount with cold and warm files: `cold0` …, `warm0` ….
fn iced(patience: Duration) -> (World, Arc<Ice>) {
    let mut sample = Sample::new();
    for i in 0..12 {
        sample.file(&format!("cold{i}"), &[b'c'; 100_000]);
        sample.file(&format!("warm{i}"), &[b'w'; 10_000]);
    }
    let (tree, bytes) = sample.build();
    let (awake, looks) = (AtomicBool::new(false), AtomicUsize::new(0));
    let ice = Arc::new(Ice { bytes, patience, awake, looks, asleep: Mutex::default() });
    let content: Arc<dyn Content> = ice.clone();
    let fs = Fs::new(tree, content).with_cold_reads(ice.clone());
    (World::with(fs, "threads=2,readers=2,xattr=always"), ice)
}

impl Ice {
    /// Waits until so many reads have met sleeping content.
    fn met(&self, reads: usize) {
        until("reads of sleeping content", || self.asleep.lock().unwrap().len() >= reads);
    }
}

#[test]
fn held_reads_go_on_when_their_pack_wakes_and_hold_up_nobody() {
    quote("D7", "A mount may be told to hold reads of sleeping content for a while instead.");
    let (world, ice) = iced(EVER);
    std::thread::scope(|scope| {
        // Wakes the pack even if the body panics: the held readers could not end otherwise.
        struct Wake<'a>(&'a Ice);
        impl Drop for Wake<'_> {
            fn drop(&mut self) {
                self.0.awake.store(true, Ordering::SeqCst);
            }
        }
        let wake = Wake(&ice);
        // Many more than there are threads of any kind.
        let held: Vec<_> = (0..12)
            .map(|i| {
                let path = world.path(format!("cold{i}"));
                scope.spawn(move || fs::read(path).unwrap())
            })
            .collect();
        ice.met(12);
        until("a look at the pack", || ice.looks.load(Ordering::SeqCst) > 0);
        for i in 0..12 {
            assert_eq!(fs::read(world.path(format!("warm{i}"))).unwrap(), vec![b'w'; 10_000]);
        }
        assert_eq!(fs::read_dir(world.root()).unwrap().count(), 24);
        assert!(held.iter().all(|reader| !reader.is_finished()), "the cold reads did not wait");
        drop(wake);
        for reader in held {
            assert_eq!(reader.join().unwrap(), vec![b'c'; 100_000]);
        }
    });
    // One at the start and one every six seconds, for all of them.
    assert!(ice.looks.load(Ordering::SeqCst) < 12, "{:?} looks", ice.looks);
}

#[test]
fn a_read_whose_time_is_over_fails_and_the_next_one_at_once() {
    let (world, ice) = iced(Duration::from_millis(300));
    let file = File::open(world.path("cold0")).unwrap();
    assert_eq!(errno(file.read_at(&mut [0; 4], 0)), libc::EREMOTEIO);
    let met = ice.asleep.lock().unwrap().len();
    // Of the same reader, whatever it reads next: nothing is held, so each is met once by each request of the kernel.
    for i in 0..12 {
        assert_eq!(errno(fs::read(world.path(format!("cold{i}")))), libc::EREMOTEIO);
    }
    assert!(ice.asleep.lock().unwrap().len() >= met + 12);
    ice.awake.store(true, Ordering::SeqCst);
    assert_eq!(file.read_at(&mut [0; 4], 0).unwrap(), 4, "failures are not remembered");
}

fn reader(program: &str, args: &[&str]) -> Child {
    Command::new(program).args(args).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

#[test]
fn a_held_reader_can_be_killed_at_any_time() {
    quote("D8", "A process that is held so can be killed, and be interrupted with SIGINT, SIGTERM, SIGHUP or SIGQUIT.");
    let (world, ice) = iced(EVER);
    let path = world.path("cold0").to_str().unwrap().to_owned();
    let direct = format!("if={path}");
    let programs: [(&str, Vec<&str>); 2] = [
        // Waits for a page that is being read ahead.
        ("cat", vec![&path]),
        // Waits for the very answer to its request, which the kernel lets nobody out of.
        ("dd", vec![&direct, "iflag=direct", "bs=64k", "of=/dev/null"]),
    ];
    for (program, args) in &programs {
        for signal in [libc::SIGKILL, libc::SIGTERM] {
            let met = ice.asleep.lock().unwrap().len();
            let mut child = reader(program, args);
            ice.met(met + 1);
            os::kill(child.id(), signal);
            assert_eq!(child.wait().unwrap().signal(), Some(signal), "{program}");
        }
    }
    // A program that handles the signal gets to handle it.
    let met = ice.asleep.lock().unwrap().len();
    let script = format!("trap 'exit 7' TERM; read line < {path}; exit 8");
    let mut child = reader("bash", &["-c", &script]);
    ice.met(met + 1);
    os::kill(child.id(), libc::SIGTERM);
    assert_eq!(child.wait().unwrap().code(), Some(7));
}

#[test]
fn files_tell_where_they_are_when_asked() {
    quote(
        "X5",
        "Where the mounting program keeps track of it, every file answers `user.firn.state`, `user.firn.tier` and, while a \
         thaw is under way, `user.firn.thaw_eta`.",
    );
    let (world, _) = iced(Duration::ZERO);
    let of = |name: &str, what: &str| os::xattr(&world.path(name), &format!("user.firn.{what}"));
    assert_eq!([of("cold1", "state").unwrap(), of("cold1", "tier").unwrap()], [&b"frozen"[..], b"glacier"]);
    assert_eq!([of("warm1", "state").unwrap(), of("warm1", "tier").unwrap()], [&b"near"[..], b"standard-ia"]);
    assert_eq!(errno(of("cold1", "thaw_eta")), libc::ENODATA);
    assert_eq!(errno(of("", "state")), libc::ENODATA, "a directory");
    quote(
        "X7",
        "Where the mounting program has something to tell, the root answers `user.firn.traffic`: what was asked of wherever \
         contents are kept, as `NAME=NUMBER` separated by spaces.",
    );
    assert_eq!(of("", "traffic").unwrap(), b"requests=7");
    assert_eq!(errno(of("cold1", "traffic")), libc::ENODATA, "only the root");
    assert_eq!(os::listxattr(&world.path("cold1"), 100).unwrap().1, Vec::<String>::new());
    assert_eq!(errno(os::getxattr(&world.path("cold1"), "user.firn.state", 3)), libc::ERANGE);
    assert_eq!(errno(fs::read(world.path("cold1"))), libc::EREMOTEIO, "no patience, no waiting");
}
