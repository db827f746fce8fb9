//! The kernel's requests, one thin method each, over [`Fs`].

mod config;
mod convert;
mod hold;
mod pool;
mod reader;
mod refuse;
mod waits;

use std::cell::RefCell;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use fuser::{
    Errno, FileHandle, Filesystem, FopenFlags, Generation, INodeNo, KernelConfig, LockOwner, OpenAccMode, OpenFlags,
    ReplyAttr, ReplyData, ReplyDirectory, ReplyDirectoryPlus, ReplyEmpty, ReplyEntry, ReplyLseek, ReplyOpen,
    ReplyStatfs, ReplyXattr, Request,
};

use crate::engine::Ino;
use crate::fs::{BLOCK_SIZE, Fs, FsError, NAME_MAX, Xattr};
use config::Negotiated;
use hold::{End, Hold, Keeper, Means};
use pool::Pool;

/// How long the kernel may believe an answer, "no such name" included: 136 years, as nothing changes.
const FOREVER: Duration = Duration::from_secs(1 << 32);

/// Inode numbers are never reused for anything else, so there is one generation.
const GENERATION: Generation = Generation(0);

/// Answers one kernel connection.
pub(crate) struct Adapter {
    fs: Arc<Fs>,
    /// Looks after held reads; gone before the pool, which they go back to.
    _keeper: Option<Keeper<Read>>,
    hold: Option<Hold<Read>>,
    pool: Pool<Job>,
    negotiated: Negotiated,
    xattrs: bool,
}

/// What may have to wait for a disk or the network.
enum Job {
    Read(Read),
    Xattr { ino: Ino, name: Vec<u8>, size: u32, reply: ReplyXattr },
}

struct Read {
    ino: Ino,
    offset: u64,
    size: u32,
    /// The thread that reads; 0 if it can't be named here.
    pid: u32,
    /// When its time ends, once it was held.
    until: Option<Instant>,
    reply: ReplyData,
}

impl Adapter {
    /// `readers` threads serve the reads that may block. Without `xattrs` the kernel is told once that
    /// there are none, and stops asking.
    pub(crate) fn new(fs: Arc<Fs>, readers: usize, xattrs: bool) -> std::io::Result<Adapter> {
        let cold = fs.cold_reads().filter(|cold| !cold.patience().is_zero()).cloned();
        let hold = cold.as_ref().map(|cold| Hold::new(cold.patience()));
        let (serving, holding) = (Arc::clone(&fs), hold.clone());
        let pool = Pool::new(readers, move |job, buffer: &mut Vec<u8>| match job {
            Job::Read(read) => serve(&serving, holding.as_ref(), read, buffer),
            Job::Xattr { ino, name, size, reply } => answer_xattr(serving.getxattr(ino, &name, size), reply),
        })?;
        let keeper = match (cold, &hold) {
            (Some(cold), Some(hold)) => {
                let entrance = pool.entrance();
                let means = Means {
                    is_awake: Box::new(move |pack| cold.is_awake(pack)),
                    gave_up: reader::gave_up,
                    again: Box::new(move |read: Read, until| {
                        // A queue that is full drops it, which answers EIO.
                        let _ = entrance.submit(Job::Read(Read { until: Some(until), ..read }));
                    }),
                    end: |read: Read, end| read.reply.error(errno_of(end)),
                };
                Some(Keeper::start(hold, means)?)
            }
            _ => None,
        };
        Ok(Adapter { fs, _keeper: keeper, hold, pool, negotiated: Negotiated::default(), xattrs })
    }
}

fn errno_of(end: End) -> Errno {
    match end {
        End::Over => Errno::from_i32(libc::EREMOTEIO),
        End::Interrupted => Errno::EINTR,
    }
}

fn serve(fs: &Fs, hold: Option<&Hold<Read>>, read: Read, buffer: &mut Vec<u8>) {
    let size = usize::try_from(read.size).unwrap_or(usize::MAX);
    if buffer.len() < size {
        buffer.resize(size, 0);
    }
    let (window, _) = buffer.split_at_mut(size);
    match fs.read(read.ino, read.offset, window) {
        Ok(len) => read.reply.data(window.get(..len).unwrap_or_default()),
        Err(error) => {
            let read = match (hold, error.asleep()) {
                (Some(hold), Some(pack)) => match hold.hold(pack, read.pid, read.until, read) {
                    Ok(()) => return,
                    Err(read) => read,
                },
                _ => read,
            };
            read.reply.error(convert::errno(&error));
        }
    }
}

fn answer_xattr(found: Result<Xattr<'_>, FsError>, reply: ReplyXattr) {
    match found {
        Ok(Xattr::Size(size)) => reply.size(size),
        Ok(Xattr::Data(data)) => reply.data(&data),
        Err(error) => reply.error(convert::errno(&error)),
    }
}

impl Filesystem for Adapter {
    fn init(&mut self, _: &Request, config: &mut KernelConfig) -> std::io::Result<()> {
        self.negotiated = config::negotiate(config);
        Ok(())
    }

    fn lookup(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEntry) {
        match self.fs.lookup(convert::ino(parent), name.as_bytes()) {
            Ok(Some(attr)) => reply.entry(&FOREVER, &convert::attr(&attr), GENERATION),
            Ok(None) => reply.entry(&FOREVER, &convert::no_entry(), GENERATION),
            Err(error) => reply.error(convert::errno(&error)),
        }
    }

    // The kernel's reference counts are of no interest: every number stays valid for good.
    fn forget(&self, _: &Request, _: INodeNo, _: u64) {}

    fn getattr(&self, _: &Request, ino: INodeNo, _: Option<FileHandle>, reply: ReplyAttr) {
        match self.fs.getattr(convert::ino(ino)) {
            Ok(attr) => reply.attr(&FOREVER, &convert::attr(&attr)),
            Err(error) => reply.error(convert::errno(&error)),
        }
    }

    fn readlink(&self, _: &Request, ino: INodeNo, reply: ReplyData) {
        match self.fs.readlink(convert::ino(ino)) {
            Ok(target) => reply.data(target),
            Err(error) => reply.error(convert::errno(&error)),
        }
    }

    fn open(&self, _: &Request, ino: INodeNo, flags: OpenFlags, reply: ReplyOpen) {
        if self.negotiated.no_open {
            return reply.error(Errno::ENOSYS);
        }
        match self.fs.open(convert::ino(ino), flags.acc_mode() != OpenAccMode::O_RDONLY) {
            Ok(_) => reply.opened(FileHandle(0), FopenFlags::FOPEN_KEEP_CACHE),
            Err(error) => reply.error(convert::errno(&error)),
        }
    }

    fn read(
        &self,
        request: &Request,
        ino: INodeNo,
        _: FileHandle,
        offset: u64,
        size: u32,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyData,
    ) {
        thread_local!(static BUFFER: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) });
        let read = Read { ino: convert::ino(ino), offset, size, pid: request.pid(), until: None, reply };
        let now = if self.fs.is_hot(read.ino, offset, u64::from(size)) {
            Some(read)
        } else {
            match self.pool.submit(Job::Read(read)) {
                Err(Job::Read(read)) => Some(read),
                _ => None,
            }
        };
        if let Some(read) = now {
            BUFFER.with_borrow_mut(|buffer| serve(&self.fs, self.hold.as_ref(), read, buffer));
        }
    }

    fn flush(&self, _: &Request, _: INodeNo, _: FileHandle, _: LockOwner, reply: ReplyEmpty) {
        // Tells the kernel not to ask at every close.
        reply.error(Errno::ENOSYS);
    }

    fn fsync(&self, _: &Request, _: INodeNo, _: FileHandle, _: bool, reply: ReplyEmpty) {
        reply.ok();
    }

    fn opendir(&self, _: &Request, _: INodeNo, _: OpenFlags, reply: ReplyOpen) {
        if self.negotiated.no_opendir {
            return reply.error(Errno::ENOSYS);
        }
        reply.opened(FileHandle(0), FopenFlags::FOPEN_KEEP_CACHE | FopenFlags::FOPEN_CACHE_DIR);
    }

    fn readdir(&self, _: &Request, ino: INodeNo, _: FileHandle, offset: u64, mut reply: ReplyDirectory) {
        let listed = self.fs.readdir(convert::ino(ino), offset, |entry| {
            let name = OsStr::from_bytes(entry.name);
            reply.add(INodeNo(entry.ino.0), entry.next, convert::kind(entry.kind), name)
        });
        match listed {
            Ok(()) => reply.ok(),
            Err(error) => reply.error(convert::errno(&error)),
        }
    }

    fn readdirplus(&self, _: &Request, ino: INodeNo, _: FileHandle, offset: u64, mut reply: ReplyDirectoryPlus) {
        let listed = self.fs.readdirplus(convert::ino(ino), offset, |entry, attr| {
            let name = OsStr::from_bytes(entry.name);
            let attr = convert::attr(attr);
            reply.add(attr.ino, entry.next, name, &FOREVER, &attr, GENERATION)
        });
        match listed {
            Ok(()) => reply.ok(),
            Err(error) => reply.error(convert::errno(&error)),
        }
    }

    fn fsyncdir(&self, _: &Request, _: INodeNo, _: FileHandle, _: bool, reply: ReplyEmpty) {
        reply.ok();
    }

    fn statfs(&self, _: &Request, _: INodeNo, reply: ReplyStatfs) {
        let totals = self.fs.statfs();
        let name_max = u32::try_from(NAME_MAX).unwrap_or(u32::MAX);
        reply.statfs(totals.blocks, 0, 0, totals.files, 0, BLOCK_SIZE, name_max, BLOCK_SIZE);
    }

    fn getxattr(&self, _: &Request, ino: INodeNo, name: &OsStr, size: u32, reply: ReplyXattr) {
        if !self.xattrs {
            return reply.error(Errno::ENOSYS);
        }
        let (ino, name) = (convert::ino(ino), name.as_bytes());
        if self.fs.is_far_xattr(name) {
            // Refused rather than answered here when the queue is full: the network must not stop what takes requests.
            if let Err(Job::Xattr { reply, .. }) =
                self.pool.submit(Job::Xattr { ino, name: name.to_owned(), size, reply })
            {
                reply.error(Errno::EAGAIN);
            }
            return;
        }
        answer_xattr(self.fs.getxattr(ino, name, size), reply);
    }

    fn listxattr(&self, _: &Request, ino: INodeNo, size: u32, reply: ReplyXattr) {
        if !self.xattrs {
            return reply.error(Errno::ENOSYS);
        }
        answer_xattr(self.fs.listxattr(convert::ino(ino), size), reply);
    }

    fn lseek(&self, _: &Request, ino: INodeNo, _: FileHandle, offset: i64, whence: i32, reply: ReplyLseek) {
        let ino = convert::ino(ino);
        let found = match (u64::try_from(offset), whence) {
            (Ok(offset), libc::SEEK_DATA) => self.fs.seek_data(ino, offset),
            (Ok(offset), libc::SEEK_HOLE) => self.fs.seek_hole(ino, offset),
            _ => Err(FsError::Invalid(ino.0)),
        };
        match found.map(i64::try_from) {
            Ok(Ok(offset)) => reply.offset(offset),
            Ok(Err(_)) => reply.error(Errno::EOVERFLOW),
            Err(error) => reply.error(convert::errno(&error)),
        }
    }

    refuse::changes!();
}
