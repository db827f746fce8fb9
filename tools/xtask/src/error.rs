//! What can go wrong in a task, said so that the reader can act on it.

use std::path::{Path, PathBuf};

/// Result of everything in this package.
pub type Result<T> = std::result::Result<T, Error>;

/// Why a task stopped.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file operation failed.
    #[error("{action} {path}: {source}")]
    Io {
        /// What was tried, e.g. "cannot open".
        action: &'static str,
        /// On which file.
        path: PathBuf,
        /// The system's answer.
        source: std::io::Error,
    },
    /// A program could not be started.
    #[error(
        "cannot start `{program}`: {source} (is it installed? `cargo xtask setup --for test` installs what is missing)"
    )]
    Start {
        /// The program's name.
        program: String,
        /// The system's answer.
        source: std::io::Error,
    },
    /// A program ended with a failure.
    #[error("`{command}` failed ({status}){tail}")]
    Command {
        /// The command line.
        command: String,
        /// How it ended.
        status: String,
        /// The end of what it printed, on lines of its own; may be empty.
        tail: String,
    },
    /// A file is not the JSON that was expected.
    #[error("{path} is not valid JSON: {source}")]
    Json {
        /// Which file.
        path: PathBuf,
        /// The parser's answer.
        source: serde_json::Error,
    },
    /// The command line is wrong.
    #[error("{0}")]
    Usage(String),
    /// A check found something other than it should.
    #[error("{0}")]
    Check(String),
}

impl From<lexopt::Error> for Error {
    fn from(source: lexopt::Error) -> Self {
        Self::Usage(source.to_string())
    }
}

/// Shorthand for a failed check.
pub fn check_failed<T>(what: impl Into<String>) -> Result<T> {
    Err(Error::Check(what.into()))
}

/// Adds the path and the action to an I/O error.
pub trait IoContext<T> {
    /// Names the file on which `action` failed.
    ///
    /// # Errors
    /// The original failure as [`Error::Io`].
    fn at(self, action: &'static str, path: &Path) -> Result<T>;
}

impl<T, E: Into<std::io::Error>> IoContext<T> for std::result::Result<T, E> {
    fn at(self, action: &'static str, path: &Path) -> Result<T> {
        self.map_err(|source| Error::Io { action, path: path.to_owned(), source: source.into() })
    }
}
