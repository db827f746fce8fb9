//! The steps that change or read both halves, memory and database, and keep them saying the same.

use super::directory::Directory;
use super::owner::Fault;
use super::page::Page;
use super::session::{Session, Tuning};
use super::table::{self, PackInfo, PageSize, Table};
use super::{IndexEntry, IndexError, MAX_PACK_CHUNKS};
use crate::id::PackId;

/// Refuses a pack with more chunks than the index takes.
pub(super) fn within_limit(pack: PackId, entries: &[IndexEntry]) -> Result<(), IndexError> {
    let (chunks, limit) = (entries.len(), MAX_PACK_CHUNKS);
    if chunks > limit { Err(IndexError::PackTooLarge { pack, chunks, limit }) } else { Ok(()) }
}

/// Pages of a pack. A database that remembers an error is opened anew once.
pub(super) fn read(session: &mut Session, ordinal: u32, numbers: &[u32]) -> Result<Vec<Page>, Fault> {
    let fetch = |session: &Session| {
        let pages = session.pages(ordinal, numbers)?.into_iter().zip(numbers);
        let decoded = pages.map(|(bytes, &number)| Page::decode(bytes?, ordinal, number));
        decoded.collect::<Option<Vec<Page>>>().ok_or(Fault::Damaged("a page is not what was written"))
    };
    match fetch(session) {
        // What was not flushed yet would be lost.
        Err(Fault::Io(_)) if !session.is_dirty() => {
            session.recycle()?;
            fetch(session)
        }
        result => result,
    }
}

/// Adds a pack unless it is there.
pub(super) fn add(
    directory: &mut Directory,
    session: &mut Session,
    tuning: &Tuning,
    pack: PackId,
    entries: &[IndexEntry],
) -> Result<(), Fault> {
    if directory.contains(&pack) {
        return Ok(());
    }
    make_room(directory, session)?;
    let ordinal = directory.next_ordinal();
    if ordinal == u32::MAX {
        return Err(Fault::Damaged("its ordinals are used up"));
    }
    let Table { info, tags, row, pages } =
        table::build(session.salt(), ordinal, pack, entries, PageSize::Bytes(tuning.page_bytes));
    session.put(ordinal, row, pages)?;
    directory.enter(vec![(info, tags)]);
    Ok(())
}

/// Removes from the database a pack that the directory has forgotten.
pub(super) fn remove(directory: &Directory, session: &mut Session, info: &PackInfo) -> Result<(), Fault> {
    session.remove(info.ordinal, info.pages())?;
    make_room(directory, session)
}

fn make_room(directory: &Directory, session: &mut Session) -> Result<(), Fault> {
    if session.is_full(usize::try_from(directory.chunks()).unwrap_or(usize::MAX)) {
        flush(directory, session)?;
        session.recycle()?;
    }
    Ok(())
}

/// Makes durable what is in memory, if it is not yet.
pub(super) fn flush(directory: &Directory, session: &mut Session) -> Result<(), Fault> {
    if session.is_dirty() { session.flush(directory.state(session.state().generation + 1)) } else { Ok(()) }
}
