//! What an operation tells the HTTP layer about its answer beyond what the S3 types can say.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// How the answer ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum End {
    /// It is sent.
    #[default]
    Sent,
    /// It is lost and the connection closed.
    Lost,
    /// The connection is reset instead.
    Reset,
}

/// The notes of one request.
#[derive(Clone, Copy, Debug, Default)]
pub struct Notes {
    /// The request is in the log already.
    pub logged: bool,
    /// How the answer ends.
    pub end: End,
    /// An element for the error body besides code and message.
    pub member: Option<(&'static str, &'static str)>,
    /// The answer goes out under this status instead of its own.
    pub status: Option<u16>,
}

/// One request on its way; found in the request's extensions.
#[derive(Debug)]
pub struct Call {
    /// Its number.
    pub seq: u64,
    notes: Mutex<Notes>,
}

impl Call {
    /// A new request.
    pub fn new(seq: u64) -> Call {
        Call { seq, notes: Mutex::default() }
    }

    /// Its notes.
    pub fn notes(&self) -> MutexGuard<'_, Notes> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
