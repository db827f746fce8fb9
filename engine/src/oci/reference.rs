//! How sources and destinations are written: `transport:path[:name]` or `transport:path@sha256:…`, as with skopeo.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use crate::id::Digest;

/// What kind of place an image is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// An OCI image layout in a directory.
    Oci,
    /// An OCI image layout in a tar file.
    OciArchive,
    /// What `docker save` writes.
    DockerArchive,
}

impl Transport {
    const ALL: [Transport; 3] = [Transport::Oci, Transport::OciArchive, Transport::DockerArchive];

    /// Its prefix without the colon.
    pub fn as_str(self) -> &'static str {
        match self {
            Transport::Oci => "oci",
            Transport::OciArchive => "oci-archive",
            Transport::DockerArchive => "docker-archive",
        }
    }
}

/// Which image of a place is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selector {
    /// The only one.
    Only,
    /// The one of this name.
    Name(String),
    /// The one of this digest.
    Digest(Digest),
}

/// A parsed source or destination.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// What kind of place.
    pub transport: Transport,
    /// Where it is.
    pub path: PathBuf,
    /// Which image in it.
    pub selector: Selector,
}

/// Why a text is no reference.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReferenceError {
    /// The transport is missing or unknown.
    #[error("'{0}' does not start with oci:, oci-archive: or docker-archive:")]
    Transport(String),
    /// There is no path.
    #[error("'{0}' names no path")]
    NoPath(String),
    /// What follows `@` is no digest.
    #[error("'{0}' does not end in @sha256:<64 hexadecimal digits>")]
    Digest(String),
}

impl FromStr for Reference {
    type Err = ReferenceError;

    fn from_str(text: &str) -> Result<Self, ReferenceError> {
        let unknown = || ReferenceError::Transport(text.to_owned());
        let (prefix, rest) = text.split_once(':').ok_or_else(unknown)?;
        let transport = Transport::ALL.into_iter().find(|kind| kind.as_str() == prefix).ok_or_else(unknown)?;
        let (path, selector) = if let Some((path, digest)) = rest.split_once("@sha256:") {
            let digest = format!("sha256:{digest}").parse().map_err(|_| ReferenceError::Digest(text.to_owned()))?;
            (path, Selector::Digest(digest))
        } else {
            match rest.split_once(':') {
                Some((path, "")) => (path, Selector::Only),
                Some((path, name)) => (path, Selector::Name(name.to_owned())),
                None => (rest, Selector::Only),
            }
        };
        if path.is_empty() {
            return Err(ReferenceError::NoPath(text.to_owned()));
        }
        Ok(Reference { transport, path: PathBuf::from(path), selector })
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.transport.as_str(), self.path.display())?;
        match &self.selector {
            Selector::Only => Ok(()),
            Selector::Name(name) => write!(f, ":{name}"),
            Selector::Digest(digest) => write!(f, "@{digest}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_read_as_with_skopeo() {
        let parse = |text: &str| text.parse::<Reference>();
        let simple = parse("oci:./layout:python-3.11").unwrap();
        assert_eq!((simple.transport, simple.path.as_path()), (Transport::Oci, "./layout".as_ref()));
        assert_eq!(simple.selector, Selector::Name("python-3.11".to_owned()));
        let docker = parse("docker-archive:/tmp/a.tar:local/deb:1").unwrap();
        assert_eq!(docker.selector, Selector::Name("local/deb:1".to_owned()));
        assert_eq!(parse("oci-archive:x.tar").unwrap().selector, Selector::Only);
        let digest = format!("oci:d@sha256:{}", "ab".repeat(32));
        assert_eq!(parse(&digest).unwrap().to_string(), digest);
        for bad in ["layout", "http://x", "oci:", "oci::tag", "oci:d@sha256:12"] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }
}
