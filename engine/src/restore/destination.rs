//! How destinations are written.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use crate::oci::{Reference, ReferenceError};

/// Where an image, or the merged tree of one, is restored to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Destination {
    /// An image: `oci:`, `oci-archive:` or `docker-archive:`.
    Image(Reference),
    /// `tar:FILE`, the merged tree as a tar file.
    Tar(PathBuf),
    /// `tar:-`, the same on standard output.
    TarOut,
    /// `dir:PATH`, the merged tree in a directory.
    Dir(PathBuf),
}

/// Why a text is no destination.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DestinationError {
    /// The kind is missing or unknown.
    #[error("'{0}' does not start with oci:, oci-archive:, docker-archive:, tar: or dir:")]
    Kind(String),
    /// A reference to an image that makes no sense.
    #[error(transparent)]
    Reference(ReferenceError),
}

impl FromStr for Destination {
    type Err = DestinationError;

    fn from_str(text: &str) -> Result<Self, DestinationError> {
        let no_path = || DestinationError::Reference(ReferenceError::NoPath(text.to_owned()));
        match text.split_once(':') {
            Some(("tar" | "dir", "")) => Err(no_path()),
            Some(("tar", "-")) => Ok(Destination::TarOut),
            Some(("tar", path)) => Ok(Destination::Tar(PathBuf::from(path))),
            Some(("dir", path)) => Ok(Destination::Dir(PathBuf::from(path))),
            _ => match text.parse() {
                Ok(reference) => Ok(Destination::Image(reference)),
                Err(ReferenceError::Transport(text)) => Err(DestinationError::Kind(text)),
                Err(error) => Err(DestinationError::Reference(error)),
            },
        }
    }
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Destination::Image(reference) => reference.fmt(f),
            Destination::Tar(path) => write!(f, "tar:{}", path.display()),
            Destination::TarOut => f.write_str("tar:-"),
            Destination::Dir(path) => write!(f, "dir:{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn destinations_come_back_as_they_were_written() {
        for text in ["oci:d:t", "oci-archive:f", "docker-archive:f:app:1", "tar:f", "tar:-", "dir:./a:b"] {
            assert_eq!(text.parse::<Destination>().unwrap().to_string(), text);
        }
        assert_eq!("dir:a:b".parse(), Ok(Destination::Dir("a:b".into())));
        for bad in ["", "d", "tar:", "dir:", "oci:", "zip:x"] {
            assert!(bad.parse::<Destination>().is_err(), "{bad}");
        }
    }
}
