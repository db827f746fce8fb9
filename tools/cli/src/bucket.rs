//! The bucket behind an archive: where it is, how it is reached, and what its errors mean.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use firn_engine::archive::FoundBucket;
use firn_engine::bucket::BucketError;
use firn_engine::remote::{Remote, RemoteError};
use firn_engine::{Archive, ErrorKind};
use firn_s3::{Checksums, S3Bucket};
use serde::{Deserialize, Serialize};

use crate::failure::Failure;

/// Bytes of packs that are only in the bucket which are kept in the archive's directory, unless it says otherwise.
pub const CACHE_SIZE: u64 = 8 << 30;

/// `remote.toml` in an archive's directory: its bucket. Credentials are not in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RemoteFile {
    /// `s3://bucket/prefix`.
    pub url: String,
    /// Another server than AWS.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<String>,
    /// The bucket's region.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// `auto`, `always` or `when-required`.
    #[serde(default)]
    pub checksums: ChecksumChoice,
    /// Bytes of the bucket's packs that are kept in the directory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache_size: Option<u64>,
}

/// Which checksums travel with requests.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum ChecksumChoice {
    /// All for AWS, only what is required for other servers.
    #[default]
    Auto,
    /// All.
    Always,
    /// Only what is required.
    WhenRequired,
}

fn path(root: &Path) -> PathBuf {
    root.join("remote.toml")
}

impl RemoteFile {
    /// What the archive's directory says, if it has a bucket.
    pub fn load(root: &Path) -> Result<Option<Self>, Failure> {
        let path = path(root);
        match std::fs::read_to_string(&path) {
            Ok(text) => {
                toml::from_str(&text).map(Some).map_err(|error| Failure::usage(format!("{}: {error}", path.display())))
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Failure::system(format!("reading {}", path.display()))(error)),
        }
    }

    /// Writes it.
    pub fn save(&self, root: &Path) -> Result<(), Failure> {
        use std::io::Write as _;
        let path = path(root);
        let text = toml::to_string(self).map_err(|error| Failure::usage(error.to_string()))?;
        let write = || -> std::io::Result<()> {
            let mut file = tempfile::Builder::new().prefix(".remote-").tempfile_in(root)?;
            file.write_all(text.as_bytes())?;
            file.as_file().sync_all()?;
            file.persist(&path).map_err(|error| error.error)?;
            std::fs::File::open(root)?.sync_all()
        };
        write().map_err(Failure::system(format!("writing {}", path.display())))
    }

    /// Gets ready to talk to it; sends nothing.
    pub fn connect(&self) -> Result<Arc<dyn Remote>, Failure> {
        let location = self.url.parse().map_err(|error: firn_s3::LocationError| Failure::usage(error.to_string()))?;
        let mut settings = firn_s3::Settings::new(location);
        settings.endpoint.clone_from(&self.endpoint);
        settings.region.clone_from(&self.region);
        settings.checksums = match self.checksums {
            ChecksumChoice::Auto => Checksums::Auto,
            ChecksumChoice::Always => Checksums::Always,
            ChecksumChoice::WhenRequired => Checksums::WhenRequired,
        };
        match S3Bucket::connect(settings) {
            Ok(bucket) => Ok(Arc::new(bucket)),
            Err(error @ firn_s3::ConnectError::Endpoint(_)) => Err(Failure::usage(error.to_string())),
            Err(error) => Err(Failure::system("reaching the bucket")(error)),
        }
    }
}

/// Opens an archive, with its bucket if it has one.
pub fn open(root: &Path) -> Result<Archive, Failure> {
    match RemoteFile::load(root)? {
        Some(file) => {
            let limit = file.cache_size.unwrap_or(CACHE_SIZE);
            Ok(Archive::open_attached(root, file.connect()?, limit)?)
        }
        None => {
            let dir = root.to_owned();
            let find = move || late(&dir).map_err(|failure| std::io::Error::other(failure.render(false).0));
            Ok(Archive::open_expecting(root, Box::new(find))?)
        }
    }
}

/// The bucket of an archive that had none when it was opened.
fn late(root: &Path) -> Result<FoundBucket, Failure> {
    let Some(file) = RemoteFile::load(root)? else { return Ok(None) };
    Ok(Some((file.connect()?, file.cache_size.unwrap_or(CACHE_SIZE))))
}

/// The bucket of an archive that must have one.
pub fn of(archive: &Archive) -> Result<Arc<dyn Remote>, Failure> {
    archive.remote().cloned().ok_or_else(|| {
        let dir = archive.root().display();
        Failure::usage(format!("{dir} has no bucket: firn attach {dir} s3://BUCKET/PREFIX gives it one"))
    })
}

impl From<BucketError> for Failure {
    fn from(error: BucketError) -> Self {
        let kind = match &error {
            BucketError::Busy { .. } => ErrorKind::Busy,
            BucketError::Another { .. } => ErrorKind::Usage,
            BucketError::Empty { .. } => ErrorKind::NotFound,
            BucketError::Object { .. } | BucketError::Remote(RemoteError::Damaged { .. }) => ErrorKind::Damaged,
            BucketError::Remote(RemoteError::Frozen { .. }) => ErrorKind::Frozen,
            _ => ErrorKind::System,
        };
        let message = error.to_string();
        // Its own text is the message; what follows is why.
        let source = match error {
            BucketError::Remote(error) => cause_of(error),
            BucketError::Store(error) => Some(Box::new(error) as _),
            BucketError::System { source, .. } => Some(Box::new(source) as _),
            _ => None,
        };
        Failure::Other { kind, message, source }
    }
}

fn cause_of(error: RemoteError) -> Option<Box<dyn std::error::Error + Send + Sync>> {
    match error {
        RemoteError::Unreachable { source, .. } => Some(source),
        _ => None,
    }
}
