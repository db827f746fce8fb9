//! What an image says about how it is started: the few fields of its OCI config that matter here.

use firn_engine::format::{Filesystem, ImageRecord};
use firn_engine::id::Digest;
use firn_engine::read::write_blob;
use firn_engine::{Archive, Crew};
use serde::Deserialize;

use crate::failure::Failure;

/// Memory for metadata that is read.
const CACHE: usize = 8 << 20;
/// Largest document that is read, in bytes.
const MAX_DOCUMENT: u64 = 4 << 20;

/// How a container of the image is started, unless somebody says otherwise. Docker writes `null` for what is not set.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct StartConfig {
    /// The program and its first arguments.
    pub entrypoint: Option<Vec<String>>,
    /// What follows them, or the program where there is no entry point.
    pub cmd: Option<Vec<String>>,
    /// `NAME=value`.
    pub env: Option<Vec<String>>,
    /// Where it starts; `/` if empty.
    pub working_dir: Option<String>,
    /// `user[:group]`, names or numbers; root if empty.
    pub user: Option<String>,
    /// The signal that it ends well on, by name or number; `SIGTERM` if none.
    pub stop_signal: Option<String>,
}

#[derive(Deserialize)]
struct Manifest {
    config: Descriptor,
}

#[derive(Deserialize)]
struct Descriptor {
    digest: String,
}

#[derive(Deserialize)]
struct ImageConfig {
    config: Option<StartConfig>,
}

impl StartConfig {
    /// Of one filesystem of an image.
    pub fn of(archive: &Archive, record: &ImageRecord, filesystem: &Filesystem) -> Result<Self, Failure> {
        let manifest: Manifest = document(archive, record, &filesystem.manifest)?;
        let digest: Digest = manifest.config.digest.parse().map_err(|_| unusable("its manifest names no config"))?;
        let config: ImageConfig = document(archive, record, &digest)?;
        Ok(config.config.unwrap_or_default())
    }

    /// The program with its arguments; empty if the image names none.
    pub fn program(&self) -> Vec<String> {
        [&self.entrypoint, &self.cmd].into_iter().flatten().flatten().cloned().collect()
    }
}

fn unusable(what: impl std::fmt::Display) -> Failure {
    Failure::usage(format!("the image can't be started: {what}; name what it needs with --files"))
}

fn document<T: for<'d> Deserialize<'d>>(
    archive: &Archive,
    record: &ImageRecord,
    digest: &Digest,
) -> Result<T, Failure> {
    let blob = record.blob(digest).ok_or_else(|| unusable(format!("{digest} is not in the archive")))?;
    if blob.size > MAX_DOCUMENT {
        return Err(unusable(format!("{digest} is too large for a document")));
    }
    let mut bytes = Vec::new();
    write_blob(&archive.auditor(CACHE), blob, &Crew::new(1), &mut bytes)?;
    serde_json::from_slice(&bytes).map_err(|error| unusable(format!("{digest} makes no sense: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_set_is_nothing() {
        let text = br#"{"config":{"Cmd":["sh"],"Entrypoint":null,"Env":null,"WorkingDir":"","Labels":{}}}"#;
        let config: ImageConfig = serde_json::from_slice(text).unwrap();
        let config = config.config.unwrap();
        assert_eq!(config.program(), ["sh"]);
        assert_eq!((config.env, config.user), (None, None));
        let with = StartConfig {
            entrypoint: Some(vec!["a".into(), "b".into()]),
            cmd: Some(vec!["c".into()]),
            ..Default::default()
        };
        assert_eq!(with.program(), ["a", "b", "c"]);
        assert!(serde_json::from_slice::<ImageConfig>(br#"{"architecture":"amd64"}"#).unwrap().config.is_none());
    }
}
