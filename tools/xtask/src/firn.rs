//! Drives the `firn` program as a user does.

use std::path::{Path, PathBuf};
use std::process::Child;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::error::{Error, IoContext, Result, check_failed};
use crate::files;
use crate::proc::{self, Cmd};

/// How long a mount may take to go away after `umount`.
const UNMOUNT_LIMIT: Duration = Duration::from_secs(20);

/// The program and the archive that it works on.
#[derive(Debug, Clone)]
pub struct Firn {
    program: PathBuf,
    archive: PathBuf,
    env: Vec<(String, String)>,
}

impl Firn {
    /// A driver for `program` on the archive directory `archive`.
    pub fn new(program: &Path, archive: &Path) -> Self {
        Self { program: program.to_owned(), archive: archive.to_owned(), env: Vec::new() }
    }

    /// With these variables in its environment, for instance those that name a bucket's credentials.
    #[must_use]
    pub fn with_env(mut self, env: &[(&str, &str)]) -> Self {
        self.env.extend(env.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())));
        self
    }

    /// The same program and environment on another archive.
    #[must_use]
    pub fn on(&self, archive: &Path) -> Self {
        Self { archive: archive.to_owned(), ..self.clone() }
    }

    fn start(&self) -> Cmd {
        self.env.iter().fold(Cmd::new(&self.program), |cmd, (key, value)| cmd.env(key, value))
    }

    /// The archive's directory.
    pub fn archive_dir(&self) -> &Path {
        &self.archive
    }

    /// A command line with these words on this archive.
    pub fn cmd(&self, words: &[&str]) -> Cmd {
        self.start().args(words).env("FIRN_ARCHIVE", &self.archive)
    }

    /// What a command line with `--json` prints.
    ///
    /// # Errors
    /// firn fails, or prints something else.
    pub fn json(&self, words: &[&str]) -> Result<Value> {
        let bytes = self.cmd(&["--json"]).args(words).bytes()?;
        let what = format!("the output of firn {} --json", words.join(" "));
        serde_json::from_slice(&bytes).map_err(|source| Error::Json { path: what.into(), source })
    }

    /// Makes a new archive.
    ///
    /// # Errors
    /// firn refuses.
    pub fn init(&self) -> Result<()> {
        self.start().arg("init").arg(&self.archive).run()
    }

    /// Archives an image; `source` as skopeo names it.
    ///
    /// # Errors
    /// firn refuses.
    pub fn archive(&self, source: &str) -> Result<()> {
        self.archive_cmd(source).run()
    }

    /// The command that archives an image.
    pub fn archive_cmd(&self, source: &str) -> Cmd {
        self.start().arg("archive").arg(source).arg("--to").arg(&self.archive)
    }

    /// Restores an image into a layout.
    ///
    /// # Errors
    /// firn refuses.
    pub fn restore(&self, name: &str, target: &str) -> Result<()> {
        self.cmd(&["restore", name, target]).run()
    }

    /// Re-reads and re-hashes everything that an image needs.
    ///
    /// # Errors
    /// Something is damaged.
    pub fn verify(&self, name: &str) -> Result<()> {
        self.cmd(&["verify", name]).run()
    }

    /// Rebuilds the index from packs alone.
    ///
    /// # Errors
    /// firn refuses.
    pub fn rebuild_index(&self) -> Result<()> {
        self.cmd(&["index", "rebuild"]).run()
    }

    /// The names of the archived images.
    ///
    /// # Errors
    /// `firn ls --json` fails or has no names in it.
    pub fn names(&self) -> Result<Vec<String>> {
        let json = self.json(&["ls"])?;
        let mut names = Vec::new();
        collect_names(&json, &mut names);
        names.sort();
        names.dedup();
        Ok(names)
    }

    /// Mounts an image in the background.
    ///
    /// # Errors
    /// firn refuses, or the directory is no mount afterwards.
    pub fn mount(&self, name: &str, dir: &Path) -> Result<Mount> {
        self.mounted_by(&["mount", name], dir).map(|(mount, _)| mount)
    }

    /// Mounts an image as a root filesystem; also gives what firn said of it. `words` are further options.
    ///
    /// # Errors
    /// firn refuses, or the directory is no mount afterwards.
    pub fn run_overlay(&self, name: &str, dir: &Path, words: &[&str]) -> Result<(Mount, Value)> {
        self.mounted_by(&[&["run-overlay", name], words].concat(), dir)
    }

    fn mounted_by(&self, words: &[&str], dir: &Path) -> Result<(Mount, Value)> {
        files::make_dir(dir)?;
        let dir_word = dir.display().to_string();
        let said = self.json(&[words, &[&dir_word]].concat())?;
        let mount = Mount { program: self.program.clone(), dir: dir.to_owned(), mounted: true };
        if is_mounted(dir)? {
            Ok((mount, said))
        } else {
            check_failed(format!("`firn {}` ended well, but {} is no mount", words.join(" "), dir.display()))
        }
    }

    /// Starts archiving without waiting for the end.
    ///
    /// # Errors
    /// firn cannot be started.
    pub fn start_archiving(&self, source: &str) -> Result<Child> {
        self.archive_cmd(source).silent().spawn()
    }
}

/// Every string under a key `name` or `names` of a JSON document.
fn collect_names(value: &Value, names: &mut Vec<String>) {
    match value {
        Value::Array(items) => items.iter().for_each(|v| collect_names(v, names)),
        Value::Object(map) => {
            for (key, v) in map {
                match v {
                    Value::String(s) if key == "name" => names.push(s.clone()),
                    Value::Array(items) if key == "names" => {
                        names.extend(items.iter().filter_map(Value::as_str).map(str::to_owned))
                    }
                    _ => collect_names(v, names),
                }
            }
        }
        _ => {}
    }
}

/// A mounted image; unmounted when dropped.
#[derive(Debug)]
pub struct Mount {
    program: PathBuf,
    dir: PathBuf,
    mounted: bool,
}

impl Mount {
    /// The mounted directory.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Unmounts with `firn umount` and waits until the mount is gone.
    ///
    /// # Errors
    /// firn refuses, or the mount stays.
    pub fn unmount(mut self) -> Result<()> {
        Cmd::new(&self.program).arg("umount").arg(&self.dir).run()?;
        let begun = Instant::now();
        while is_mounted(&self.dir)? {
            if begun.elapsed() > UNMOUNT_LIMIT {
                return check_failed(format!("{} is still mounted", self.dir.display()));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        self.mounted = false;
        Ok(())
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        if self.mounted {
            // The check that failed is the message; a lazy unmount only tidies up after it.
            let _ = Cmd::words(&["umount", "-l"]).arg(&self.dir).outcome();
        }
    }
}

/// True when a filesystem is mounted on exactly this directory.
///
/// # Errors
/// The mount table cannot be read.
pub fn is_mounted(dir: &Path) -> Result<bool> {
    let table = Path::new("/proc/self/mountinfo");
    let text = std::fs::read_to_string(table).at("cannot read", table)?;
    let Ok(dir) = std::fs::canonicalize(dir) else {
        // A dead FUSE mount cannot be resolved: its path as given is the best there is.
        return Ok(text.lines().any(|l| l.split(' ').nth(4) == dir.to_str()));
    };
    Ok(text.lines().any(|l| l.split(' ').nth(4) == dir.to_str()))
}

/// Unmounts, lazily, whatever an earlier run left mounted below `dir`, the newest first.
///
/// # Errors
/// The mount table cannot be read, or a mount stays.
pub fn unmount_below(dir: &Path) -> Result<()> {
    let table = Path::new("/proc/self/mountinfo");
    let text = std::fs::read_to_string(table).at("cannot read", table)?;
    let points = text.lines().rev().filter_map(|l| l.split(' ').nth(4)).map(Path::new);
    points.filter(|p| p.starts_with(dir)).try_for_each(|p| Cmd::words(&["umount", "-l"]).arg(p).run())
}

/// The firn program: the one given, `FIRN` from the environment, or a release build made now.
///
/// # Errors
/// It does not build.
pub fn program(given: Option<PathBuf>) -> Result<PathBuf> {
    if let Some(path) = given.or_else(|| std::env::var_os("FIRN").map(PathBuf::from)) {
        return files::absolute(&path);
    }
    built(&["--release", "--bin", "firn"], "release/firn")
}

/// The firn program as the tests have just built it: checks of behaviour need no second build of everything.
///
/// # Errors
/// It does not build.
pub fn tested_program() -> Result<PathBuf> {
    match std::env::var_os("FIRN") {
        Some(path) => files::absolute(Path::new(&path)),
        None => tested("firn"),
    }
}

/// A program of the workspace, or one of its examples, as the tests have it: next to nothing is built where they have just been run.
///
/// # Errors
/// It does not build.
pub fn tested(program: &str) -> Result<PathBuf> {
    // The features of everything that tests are built with: with those of one package, all below it would be compiled once more.
    built(&["--workspace", "--tests", "--bins", "--examples"], &format!("debug/{program}"))
}

/// Builds a program of the workspace, named as cargo wants it, and says where it is below the target directory.
///
/// # Errors
/// It does not build.
pub fn built(words: &[&str], program: &str) -> Result<PathBuf> {
    Cmd::words(&["cargo", "build", "--quiet"]).args(words).show()?;
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| PathBuf::from("target"), PathBuf::from);
    files::absolute(&target.join(program))
}

/// Fails unless this is root, whom kernel mounts of every kind need.
///
/// # Errors
/// This is not root.
pub fn need_root(what: &str) -> Result<()> {
    if proc::is_root() { Ok(()) } else { Err(Error::Usage(format!("{what} needs root"))) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_wherever_they_stand() {
        let json: Value =
            serde_json::from_str(r#"{"images":[{"name":"a","layers":[{"size":1}]},{"names":["b","c"]}]}"#).unwrap();
        let mut names = Vec::new();
        collect_names(&json, &mut names);
        assert_eq!(names, ["a", "b", "c"]);
    }

    #[test]
    fn the_root_is_a_mount_and_a_new_directory_is_not() {
        let dir = tempfile::tempdir().unwrap();
        assert!(is_mounted(Path::new("/")).unwrap());
        assert!(!is_mounted(dir.path()).unwrap());
    }
}
