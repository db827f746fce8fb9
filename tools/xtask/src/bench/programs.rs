//! The programs that are compared, each with a fresh repository and its own cache.

use std::path::{Path, PathBuf};

use super::input::Input;
use super::measure::Job;
use crate::error::Result;
use crate::files;
use crate::proc::Cmd;

/// A program that stores images.
#[derive(Debug, Clone)]
pub enum Program {
    /// restic with repository format 2 and its default compression (`auto`).
    Restic,
    /// borg without encryption, compression `zstd,3`.
    Borg,
    /// firn, this binary.
    Firn(PathBuf),
    /// firn, this binary, which leaves the search for encoders to `firn settle`.
    FirnDefer(PathBuf),
}

impl Program {
    /// Name and settings for the report.
    pub fn describe(&self) -> (&'static str, String) {
        let version = |words: &[&str]| Cmd::words(words).text().unwrap_or_else(|e| e.to_string());
        match self {
            Self::Restic => (
                "restic",
                format!(
                    "{}; repository format 2, compression auto (default), encrypted (always)",
                    version(&["restic", "version"])
                ),
            ),
            Self::Borg => ("borg", format!("{}; compression zstd,3, no encryption", version(&["borg", "--version"]))),
            Self::Firn(path) => ("firn", format!("{}; defaults", version(&[&path.to_string_lossy(), "--version"]))),
            Self::FirnDefer(path) => {
                ("firn --defer", format!("{}; archive --defer", version(&[&path.to_string_lossy(), "--version"])))
            }
        }
    }

    /// The repository's directory below `dir`.
    pub fn repository(&self, dir: &Path) -> PathBuf {
        dir.join(self.describe_name())
    }

    fn describe_name(&self) -> &'static str {
        match self {
            Self::Restic => "restic",
            Self::Borg => "borg",
            Self::Firn(_) => "firn",
            Self::FirnDefer(_) => "firn-defer",
        }
    }

    fn job(&self, dir: &Path, words: Vec<String>) -> Job {
        let home = dir.join(format!("{}-home", self.describe_name())).display().to_string();
        let pairs: &[(&str, &str)] = match self {
            Self::Restic => &[("RESTIC_PASSWORD", "bench"), ("RESTIC_CACHE_DIR", &home)],
            Self::Borg => &[("BORG_BASE_DIR", &home), ("BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK", "yes")],
            Self::Firn(_) | Self::FirnDefer(_) => &[],
        };
        Job { words, env: pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect() }
    }

    /// Makes the empty repository.
    ///
    /// # Errors
    /// The program refuses.
    pub fn init(&self, dir: &Path) -> Result<Job> {
        let repository = self.repository(dir);
        files::remove_dir(&repository)?;
        files::fresh_dir(&dir.join(format!("{}-home", self.describe_name())))?;
        let repository = repository.display().to_string();
        let words: Vec<String> = match self {
            Self::Restic => words(&["restic", "-q", "-r", &repository, "init", "--repository-version", "2"]),
            Self::Borg => words(&["borg", "init", "-e", "none", &repository]),
            Self::Firn(path) | Self::FirnDefer(path) => words(&[&path.to_string_lossy(), "init", &repository]),
        };
        Ok(self.job(dir, words))
    }

    /// The run that stores one image.
    pub fn store(&self, dir: &Path, input: &Input) -> Job {
        let repository = self.repository(dir).display().to_string();
        let tars = input.tars.display().to_string();
        let words = match self {
            Self::Restic => words(&["restic", "-q", "-r", &repository, "backup", &tars]),
            Self::Borg => {
                words(&["borg", "create", "--compression", "zstd,3", &format!("{repository}::{}", input.tag), &tars])
            }
            Self::Firn(path) => words(&[&path.to_string_lossy(), "archive", &input.source, "--to", &repository]),
            Self::FirnDefer(path) => {
                words(&[&path.to_string_lossy(), "archive", "--defer", &input.source, "--to", &repository])
            }
        };
        self.job(dir, words)
    }

    /// The run that does what storing the images left undone.
    pub fn settle(&self, dir: &Path) -> Option<Job> {
        let Self::FirnDefer(path) = self else { return None };
        let repository = self.repository(dir).display().to_string();
        Some(self.job(dir, words(&[&path.to_string_lossy(), "settle", "--archive", &repository])))
    }

    /// The files that this program reads for one image.
    pub fn reads(&self, input: &Input) -> Vec<PathBuf> {
        match self {
            Self::Firn(_) | Self::FirnDefer(_) => input.blobs.clone(),
            _ => vec![input.tars.clone()],
        }
    }
}

fn words(list: &[&str]) -> Vec<String> {
    list.iter().map(|w| (*w).to_owned()).collect()
}
