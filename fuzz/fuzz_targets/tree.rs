//! A tree of any bytes: opening without the checksum and walking everything ends, without a panic.
#![no_main]

use firn_engine::tree::{Ino, Tree, TreeBytes};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _ = Tree::open(TreeBytes::from(bytes.to_vec()));
    let Ok(tree) = Tree::open_trusted(TreeBytes::from(bytes.to_vec())) else { return };
    let _ = tree.check();
    for number in 1..=64 {
        let ino = Ino(number);
        let _ = (tree.node(ino), tree.parent(ino), tree.link_target(ino), tree.sparse_runs(ino));
        if let Ok(xattrs) = tree.xattrs(ino) {
            xattrs.take(64).for_each(drop);
        }
        for index in 0..64 {
            if let Ok(Some((name, _, _))) = tree.entry(ino, index) {
                let name = name.to_vec();
                let _ = tree.lookup(ino, &name);
            }
        }
    }
    let _ = tree.resolve_following(b"/a/../b/c");
});
