//! The kernel's own overlay over a directory.

use std::path::{Path, PathBuf};

use crate::error::Result;
use crate::files;
use crate::proc::Cmd;

/// An overlay; unmounted when dropped.
#[derive(Debug)]
pub struct Overlayfs {
    root: PathBuf,
    mounted: bool,
}

impl Overlayfs {
    /// Mounts one over `lower`, with its directories in `dir`. `options` are added to those that name them.
    ///
    /// # Errors
    /// A directory can't be made, or the mount fails.
    pub fn over(lower: &Path, dir: &Path, options: &[&str]) -> Result<Self> {
        for name in ["upper", "work", "merged"] {
            files::make_dir(&dir.join(name))?;
        }
        let (lower, at) = (lower.display(), dir.display());
        let places = format!("lowerdir={lower},upperdir={at}/upper,workdir={at}/work");
        let options = [&[places.as_str()], options].concat().join(",");
        let root = dir.join("merged");
        Cmd::words(&["mount", "-t", "overlay", "overlay", "-o", &options]).arg(&root).run()?;
        Ok(Self { root, mounted: true })
    }

    /// The merged root.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Unmounts it, unless it is in use.
    ///
    /// # Errors
    /// The kernel refuses.
    pub fn unmount(mut self) -> Result<()> {
        Cmd::new("umount").arg(&self.root).run()?;
        self.mounted = false;
        Ok(())
    }
}

impl Drop for Overlayfs {
    fn drop(&mut self) {
        if self.mounted {
            // The check that failed is the message; a lazy unmount only tidies up after it.
            let _ = Cmd::words(&["umount", "-l"]).arg(&self.root).outcome();
        }
    }
}
