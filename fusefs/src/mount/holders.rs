//! Who keeps a mount from being removed.

use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::table;

/// Something that uses a mount.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Holder {
    /// A process.
    Process {
        /// Its process id.
        pid: u32,
        /// Its name.
        name: String,
        /// Which of its ties was found first.
        tie: Tie,
    },
    /// Another mount inside it.
    Mount(PathBuf),
}

/// How a process uses a mount.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tie {
    /// Its working directory is inside.
    WorkingDirectory,
    /// Its root directory is inside.
    Root,
    /// It runs a program from inside.
    Program,
    /// It has a file or directory open.
    OpenFile,
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Holder::Process { pid, name, tie } => {
                let tie = match tie {
                    Tie::WorkingDirectory => "working directory",
                    Tie::Root => "root directory",
                    Tie::Program => "running program",
                    Tie::OpenFile => "open file",
                };
                write!(f, "{name} (pid {pid}, {tie})")
            }
            Holder::Mount(point) => write!(f, "the mount at {}", point.display()),
        }
    }
}

/// All holders that this process may see. Only link texts are compared: the mount itself is not touched,
/// so a dead or slow one cannot hang the search.
pub(super) fn holders(point: &Path) -> Vec<Holder> {
    let inside = |path: &Path| path != point && path.starts_with(point);
    let mounts = table::mounts().unwrap_or_default().into_iter().map(|mount| mount.point);
    let mut found: Vec<_> = mounts.filter(|path| inside(path)).map(Holder::Mount).collect();
    let Ok(processes) = fs::read_dir("/proc") else {
        return found;
    };
    for process in processes.flatten() {
        let Some(pid) = process.file_name().to_str().and_then(|name| name.parse().ok()) else {
            continue;
        };
        if let Some(tie) = tie(&process.path(), point) {
            let name = fs::read_to_string(process.path().join("comm")).unwrap_or_default();
            found.push(Holder::Process { pid, name: name.trim_end().to_owned(), tie });
        }
    }
    found
}

fn tie(process: &Path, point: &Path) -> Option<Tie> {
    let leads_inside = |link: io::Result<PathBuf>| link.is_ok_and(|path| path.starts_with(point));
    for (name, tie) in [("cwd", Tie::WorkingDirectory), ("root", Tie::Root), ("exe", Tie::Program)] {
        if leads_inside(fs::read_link(process.join(name))) {
            return Some(tie);
        }
    }
    let mut open = fs::read_dir(process.join("fd")).ok()?.flatten();
    open.any(|fd| leads_inside(fs::read_link(fd.path()))).then_some(Tie::OpenFile)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_is_found_by_what_it_has_open() {
        let open = std::env::temp_dir().join(format!("firn-holders-{}", std::process::id()));
        let file = fs::File::create(&open).unwrap();
        let found = holders(&open);
        fs::remove_file(&open).unwrap();
        drop(file);
        let me = std::process::id();
        let is_me = |holder: &Holder| matches!(holder, Holder::Process { pid, tie: Tie::OpenFile, .. } if *pid == me);
        assert!(found.iter().any(is_me), "{found:?}");
        assert!(!holders(&open).iter().any(is_me));
    }

    #[test]
    fn holders_read_like_a_sentence() {
        let holder = Holder::Process { pid: 7, name: "bash".into(), tie: Tie::WorkingDirectory };
        assert_eq!(holder.to_string(), "bash (pid 7, working directory)");
        assert_eq!(Holder::Mount("/m/x".into()).to_string(), "the mount at /m/x");
    }
}
