//! What a mount asks of the kernel when the connection is made.

use fuser::{InitFlags, KernelConfig};

/// Capabilities asked for where the kernel has them; each suits a tree that never changes.
const WANTED: InitFlags = InitFlags::FUSE_ASYNC_READ
    .union(InitFlags::FUSE_PARALLEL_DIROPS)
    .union(InitFlags::FUSE_CACHE_SYMLINKS)
    .union(InitFlags::FUSE_DO_READDIRPLUS)
    .union(InitFlags::FUSE_READDIRPLUS_AUTO)
    // Opens that cost no request at all; answered ENOSYS once.
    .union(InitFlags::FUSE_NO_OPEN_SUPPORT)
    .union(InitFlags::FUSE_NO_OPENDIR_SUPPORT)
    // Without it ACLs are shown but not enforced, and fetched again for every check.
    .union(InitFlags::FUSE_POSIX_ACL)
    // File handles are not offered. With EXPORT_SUPPORT overlayfs finds a copied-up file's origin by handle
    // once both are mounted anew, and reading that file then gives ESTALE (seen on Linux 6.18).
    .union(InitFlags::FUSE_NO_EXPORT_SUPPORT)
    .union(InitFlags::FUSE_ASYNC_DIO)
    // Cached pages are dropped by nobody: neither sizes nor times ever change.
    .union(InitFlags::FUSE_EXPLICIT_INVAL_DATA);

/// Largest request, bytes: 256 pages, the kernel's own default limit.
const MAX_REQUEST: u32 = 1 << 20;

/// Read-ahead requests in flight at once: the kernel's default of 12 keeps few readers busy, and reads that are held count, too.
const MAX_BACKGROUND: u16 = 1024;

/// What came out of the negotiation.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Negotiated {
    /// The kernel will stop asking for `open` when told so.
    pub no_open: bool,
    /// The kernel will stop asking for `opendir` when told so.
    pub no_opendir: bool,
}

pub(super) fn negotiate(config: &mut KernelConfig) -> Negotiated {
    let offered = config.capabilities();
    // Both calls only fail for what the kernel does not offer, which is asked first.
    let _ = config.add_capabilities(WANTED & offered);
    let _ = config.set_max_write(MAX_REQUEST);
    let _ = config.set_max_background(MAX_BACKGROUND);
    Negotiated {
        no_open: offered.contains(InitFlags::FUSE_NO_OPEN_SUPPORT),
        no_opendir: offered.contains(InitFlags::FUSE_NO_OPENDIR_SUPPORT),
    }
}
