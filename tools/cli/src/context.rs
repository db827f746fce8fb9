//! What every command needs: the archive, and how results are shown.

use std::path::{Path, PathBuf};

use firn_engine::Archive;
use firn_engine::format::{Filesystem, ImageRecord};

use crate::args::{Global, PlatformChoice};
use crate::failure::Failure;
use crate::settings::Settings;

/// Options of every command, resolved.
pub struct Context {
    global: Global,
}

impl Context {
    /// Takes the options.
    pub fn new(global: Global) -> Self {
        Context { global }
    }

    /// Whether results are JSON.
    pub fn json(&self) -> bool {
        self.global.json
    }

    /// Whether progress is shown.
    pub fn shows_progress(&self) -> bool {
        !self.global.json && !self.global.quiet
    }

    /// Where the archive is: as named by the command, the options, the environment or the config file, in that order.
    pub fn archive_dir(&self, named: Option<&Path>) -> Result<PathBuf, Failure> {
        if let Some(dir) = named.or(self.global.archive.as_deref()) {
            return Ok(dir.to_owned());
        }
        Settings::load(self.global.config.as_deref())?.archive.ok_or_else(|| {
            Failure::usage(
                "which archive? Name it with --archive DIR, FIRN_ARCHIVE or `archive = \"DIR\"` in the config file",
            )
        })
    }

    /// The archive, opened.
    pub fn archive(&self) -> Result<Archive, Failure> {
        self.archive_at(None)
    }

    /// The archive that a command names itself, or the one that is meant otherwise.
    pub fn archive_at(&self, named: Option<&Path>) -> Result<Archive, Failure> {
        crate::bucket::open(&self.archive_dir(named)?)
    }

    /// Prints a result on standard error, for commands whose standard output is something else.
    pub fn print_aside(&self, json: &serde_json::Value, text: impl FnOnce() -> String) {
        if self.global.json {
            eprintln!("{json:#}");
        } else if !self.global.quiet {
            eprint!("{}", text());
        }
    }

    /// Says something to people before the result; not to programs.
    pub fn aside(&self, text: impl FnOnce() -> String) {
        if !self.global.json {
            eprint!("{}", text());
        }
    }

    /// Prints a result: as JSON, or for people.
    pub fn print(&self, json: &serde_json::Value, text: impl FnOnce() -> String) {
        use std::io::Write as _;
        let out = if self.global.json { format!("{json:#}\n") } else { text() };
        // A reader that has seen enough closes the pipe; that is not our failure.
        let _ = std::io::stdout().lock().write_all(out.as_bytes());
    }
}

/// The filesystem of an image that is meant.
pub fn choose_filesystem<'r>(record: &'r ImageRecord, choice: &PlatformChoice) -> Result<&'r Filesystem, Failure> {
    let listed = || {
        let all: Vec<&str> = record.filesystems.iter().map(|one| one.platform.as_str()).collect();
        all.join(", ")
    };
    let matches = |one: &&Filesystem, wanted: &str| {
        one.platform == wanted || one.platform.strip_prefix(wanted).is_some_and(|rest| rest.starts_with('/'))
    };
    match (&choice.platform, record.filesystems.as_slice()) {
        (_, []) => Err(Failure::usage(format!("image {} has no root filesystem: it is an artifact", record.root))),
        (None, [only]) => Ok(only),
        (Some(wanted), all) => all
            .iter()
            .find(|one| matches(one, wanted))
            .ok_or_else(|| Failure::usage(format!("the image has no platform {wanted}; it has: {}", listed()))),
        (None, all) => {
            let here = format!("linux/{}", machine());
            all.iter().find(|one| matches(one, &here)).ok_or_else(|| {
                Failure::usage(format!("name one of the image's platforms with --platform: {}", listed()))
            })
        }
    }
}

/// This machine's architecture, as images name it.
fn machine() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        "x86" => "386",
        "powerpc64" => "ppc64le",
        other => other,
    }
}
