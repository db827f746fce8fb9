//! Layers whose tar stream some other program than umoci writes, with whiteouts placed by hand.

use std::path::Path;

use super::oddities::{self, TarStyle};
use crate::error::Result;
use crate::files;
use crate::proc::Cmd;

/// Makes the content of a layer below `scratch` and packs it into `tar`. Needs root.
///
/// # Errors
/// The filesystem or the tar program refuses.
pub fn write(style: TarStyle, seed: u64, scratch: &Path, tar: &Path) -> Result<()> {
    files::fresh_dir(scratch)?;
    oddities::plant(scratch, seed, Some(style))?;
    whiteouts(scratch, seed)?;
    let gnu = |format: &str| {
        Cmd::new("tar").arg(format!("--format={format}")).args(["--sort=name", "--numeric-owner", "-C"]).arg(scratch)
    };
    match style {
        TarStyle::GnuPosix => {
            gnu("posix").args(["--sparse", "--acls", "--xattrs", "--xattrs-include=*", "-cf"]).arg(tar).arg(".").run()
        }
        // No --sparse: umoci, the reference, refuses members of the old sparse type (see `extras` for those).
        TarStyle::GnuOld => gnu("gnu").arg("-cf").arg(tar).args(["etc", "opt", "usr", "var"]).run(),
        TarStyle::Ustar => {
            gnu("ustar").args(["--blocking-factor=1", "-cf"]).arg(tar).args(["opt", "usr", "etc", "var"]).run()
        }
        TarStyle::Python => Cmd::words(&["python3", "-c", PYTHON]).arg(scratch).arg(tar).run(),
    }
}

/// Whiteouts of files, directories and whole contents of the layers below, and files in their place.
fn whiteouts(dir: &Path, seed: u64) -> Result<()> {
    for marker in
        ["etc/.wh.issue", "etc/.wh.never-existed", "usr/share/.wh.man", "usr/share/doc/.wh..wh..opq", "var/.wh.backups"]
    {
        let path = dir.join(marker);
        if let Some(parent) = path.parent() {
            files::make_dir(parent)?;
        }
        files::write(&path, "")?;
    }
    files::make_dir(&dir.join("usr/share/doc/firn-test"))?;
    files::write(&dir.join("usr/share/doc/firn-test/copyright"), format!("all that is left {seed}\n"))?;
    files::make_dir(&dir.join("etc/skel"))?;
    files::write(&dir.join("etc/skel/.wh..profile"), "")?;
    files::write(&dir.join("etc/motd"), format!("replaced {seed}\n"))
}

/// PAX members by Python: surrogate names become `hdrcharset=BINARY`, times become fractions. After the tree come members
/// that a walk cannot produce: one path twice, links to files of the layers below, and a path through a lower symlink.
const PYTHON: &str = "import io, os, sys, tarfile
root, out = os.fsencode(sys.argv[1]).decode('utf-8', 'surrogateescape'), sys.argv[2]
with tarfile.open(out, 'w', format=tarfile.PAX_FORMAT, encoding='utf-8', errors='surrogateescape') as tar:
    for name in sorted(os.listdir(root)):
        tar.add(os.path.join(root, name), arcname=name)
    def member(name, data=b'', **fields):
        info = tarfile.TarInfo(name)
        info.size, info.mtime = len(data), 1700000000.25
        for key, value in fields.items():
            setattr(info, key, value)
        tar.addfile(info, io.BytesIO(data))
    member('opt/odd/twice', b'first')
    member('opt/odd/twice', b'the second one counts', mode=0o600)
    member('opt/odd/env-below', type=tarfile.LNKTYPE, linkname='usr/bin/env')
    member('opt/odd/links/to-a-link', type=tarfile.LNKTYPE, linkname='opt/odd/links/dangling')
    member('bin/through-a-link', b'lies in usr/bin', mode=0o755)
    member('usr/bin/tac', b'#!/bin/sh\\n', mode=0o755)
";
