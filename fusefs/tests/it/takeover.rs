//! Another session goes on where one stopped: here within one process, whose first session is stuck for good.

use std::fs;
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use firn_engine::tree::ContentRef;
use firn_fusefs::content::{Content, ContentError};
use firn_fusefs::fs::Fs;
use firn_fusefs::mount::{self, MountOptions};

use crate::sample::{Bytes, Sample};
use crate::semantics::quote;
use crate::world::{Scratch, is_mounted, need_fuse, until};

/// Answers nothing until it is let go.
struct Stuck {
    bytes: Bytes,
    /// Reads that came, and whether they are let go.
    state: Mutex<(usize, bool)>,
    changed: Condvar,
}

impl Stuck {
    fn reads(&self) -> usize {
        self.state.lock().unwrap().0
    }

    fn let_go(&self) {
        self.state.lock().unwrap().1 = true;
        self.changed.notify_all();
    }
}

impl Content for Stuck {
    fn read_stored(&self, content: ContentRef, offset: u64, buf: &mut [u8]) -> Result<(), ContentError> {
        let mut state = self.state.lock().unwrap();
        state.0 += 1;
        let _gone = self.changed.wait_while(state, |(_, gone)| !*gone).unwrap();
        self.bytes.read_stored(content, offset, buf)
    }

    /// So that the one thread that takes requests does this itself, and takes no other.
    fn is_hot(&self, _: ContentRef, _: u64, _: u64) -> bool {
        true
    }
}

#[test]
fn a_successor_answers_what_was_asked_and_all_that_follows() {
    quote(
        "L7",
        "A process that is given the connection of a mount goes on serving it: reads that its predecessor left unanswered are \
         answered, files stay open, and nobody gets an error.",
    );
    need_fuse();
    let mut sample = Sample::new();
    sample.file("asked", &[5; 100_000]);
    sample.file("later", b"after the change");
    sample.dir("dir");
    let (tree, bytes) = sample.build();
    let stuck = Arc::new(Stuck { bytes: bytes.clone(), state: Mutex::default(), changed: Condvar::new() });
    let scratch = Scratch::new();
    let point = scratch.dir("mnt");
    let options = MountOptions { threads: 1, ..MountOptions::default() };
    let first = mount::mount(Arc::new(Fs::new(Arc::clone(&tree), Arc::clone(&stuck) as _)), &point, &options).unwrap();
    let open = fs::File::open(point.join("later")).unwrap();
    let path = point.join("asked");
    let reader = std::thread::spawn(move || fs::read(path));
    until("the read", || stuck.reads() > 0);
    std::thread::sleep(Duration::from_millis(20));
    assert!(!reader.is_finished());

    let parked = first.parked().unwrap();
    let fs = Fs::new(Arc::clone(&tree), Arc::new(bytes));
    let mut second = mount::resume(Arc::new(fs), &point, parked, &options).unwrap();
    assert_eq!(reader.join().unwrap().unwrap(), [5; 100_000]);
    assert_eq!(std::io::read_to_string(open).unwrap(), "after the change");
    assert_eq!(fs::read_dir(&point).unwrap().count(), 3);
    assert!(!point.join("none").exists());
    // Late, and to nobody.
    stuck.let_go();
    second.unmount().unwrap();
    assert!(!is_mounted(&point));
    until("the end of the first", || first.has_ended());
}
