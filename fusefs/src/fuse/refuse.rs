//! Everything that would change the tree: one answer, `EROFS`.
//!
//! The mount is read-only, so the kernel asks for none of this until somebody remounts it read-write.

/// The methods of [`fuser::Filesystem`] that change something, to be expanded in its `impl`.
macro_rules! changes {
    () => {
        fn setattr(
            &self,
            _: &fuser::Request,
            _: fuser::INodeNo,
            _: Option<u32>,
            _: Option<u32>,
            _: Option<u32>,
            _: Option<u64>,
            _: Option<fuser::TimeOrNow>,
            _: Option<fuser::TimeOrNow>,
            _: Option<std::time::SystemTime>,
            _: Option<fuser::FileHandle>,
            _: Option<std::time::SystemTime>,
            _: Option<std::time::SystemTime>,
            _: Option<std::time::SystemTime>,
            _: Option<fuser::BsdFileFlags>,
            reply: fuser::ReplyAttr,
        ) {
            reply.error(fuser::Errno::EROFS);
        }

        fn mknod(
            &self,
            _: &fuser::Request,
            _: fuser::INodeNo,
            _: &std::ffi::OsStr,
            _: u32,
            _: u32,
            _: u32,
            reply: fuser::ReplyEntry,
        ) {
            reply.error(fuser::Errno::EROFS);
        }

        fn mkdir(
            &self,
            _: &fuser::Request,
            _: fuser::INodeNo,
            _: &std::ffi::OsStr,
            _: u32,
            _: u32,
            reply: fuser::ReplyEntry,
        ) {
            reply.error(fuser::Errno::EROFS);
        }

        fn unlink(&self, _: &fuser::Request, _: fuser::INodeNo, _: &std::ffi::OsStr, reply: fuser::ReplyEmpty) {
            reply.error(fuser::Errno::EROFS);
        }

        fn rmdir(&self, _: &fuser::Request, _: fuser::INodeNo, _: &std::ffi::OsStr, reply: fuser::ReplyEmpty) {
            reply.error(fuser::Errno::EROFS);
        }

        fn symlink(
            &self,
            _: &fuser::Request,
            _: fuser::INodeNo,
            _: &std::ffi::OsStr,
            _: &std::path::Path,
            reply: fuser::ReplyEntry,
        ) {
            reply.error(fuser::Errno::EROFS);
        }

        fn rename(
            &self,
            _: &fuser::Request,
            _: fuser::INodeNo,
            _: &std::ffi::OsStr,
            _: fuser::INodeNo,
            _: &std::ffi::OsStr,
            _: fuser::RenameFlags,
            reply: fuser::ReplyEmpty,
        ) {
            reply.error(fuser::Errno::EROFS);
        }

        fn link(
            &self,
            _: &fuser::Request,
            _: fuser::INodeNo,
            _: fuser::INodeNo,
            _: &std::ffi::OsStr,
            reply: fuser::ReplyEntry,
        ) {
            reply.error(fuser::Errno::EROFS);
        }

        fn write(
            &self,
            _: &fuser::Request,
            _: fuser::INodeNo,
            _: fuser::FileHandle,
            _: u64,
            _: &[u8],
            _: fuser::WriteFlags,
            _: fuser::OpenFlags,
            _: Option<fuser::LockOwner>,
            reply: fuser::ReplyWrite,
        ) {
            reply.error(fuser::Errno::EROFS);
        }

        fn setxattr(
            &self,
            _: &fuser::Request,
            _: fuser::INodeNo,
            _: &std::ffi::OsStr,
            _: &[u8],
            _: i32,
            _: u32,
            reply: fuser::ReplyEmpty,
        ) {
            reply.error(fuser::Errno::EROFS);
        }

        fn removexattr(&self, _: &fuser::Request, _: fuser::INodeNo, _: &std::ffi::OsStr, reply: fuser::ReplyEmpty) {
            reply.error(fuser::Errno::EROFS);
        }

        fn create(
            &self,
            _: &fuser::Request,
            _: fuser::INodeNo,
            _: &std::ffi::OsStr,
            _: u32,
            _: u32,
            _: i32,
            reply: fuser::ReplyCreate,
        ) {
            reply.error(fuser::Errno::EROFS);
        }

        fn fallocate(
            &self,
            _: &fuser::Request,
            _: fuser::INodeNo,
            _: fuser::FileHandle,
            _: u64,
            _: u64,
            _: i32,
            reply: fuser::ReplyEmpty,
        ) {
            reply.error(fuser::Errno::EROFS);
        }

        fn copy_file_range(
            &self,
            _: &fuser::Request,
            _: fuser::INodeNo,
            _: fuser::FileHandle,
            _: u64,
            _: fuser::INodeNo,
            _: fuser::FileHandle,
            _: u64,
            _: u64,
            _: fuser::CopyFileRangeFlags,
            reply: fuser::ReplyWrite,
        ) {
            reply.error(fuser::Errno::EROFS);
        }
    };
}
pub(super) use changes;
