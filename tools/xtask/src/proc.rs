//! Programs as child processes: started, waited for, and quoted when they fail.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use crate::error::{Error, IoContext, Result};

/// Longest part of a failed program's output that is repeated in the error.
const TAIL_BYTES: usize = 2000;

/// A command line under construction.
#[derive(Debug)]
pub struct Cmd {
    inner: Command,
    input: Option<Vec<u8>>,
}

impl Cmd {
    /// Starts a command line with the program's name.
    pub fn new(program: impl AsRef<OsStr>) -> Self {
        let mut inner = Command::new(program);
        inner.stdin(Stdio::null());
        Self { inner, input: None }
    }

    /// A command line from words.
    pub fn words(words: &[&str]) -> Self {
        let (program, rest) = words.split_first().unwrap_or((&"true", &[]));
        Self::new(program).args(rest)
    }

    /// `program` run inside the root directory `root`, with a clean environment.
    pub fn in_chroot(root: &Path, program: &str) -> Self {
        let mut cmd = Self::new("chroot").arg(root).arg(program);
        cmd.inner
            .env_clear()
            .env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
            .env("HOME", "/root")
            .env("LC_ALL", "C.UTF-8")
            .env("DEBIAN_FRONTEND", "noninteractive");
        cmd
    }

    /// Adds one argument.
    #[must_use]
    pub fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.inner.arg(arg);
        self
    }

    /// Adds several arguments.
    #[must_use]
    pub fn args<S: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = S>) -> Self {
        self.inner.args(args);
        self
    }

    /// Sets an environment variable.
    #[must_use]
    pub fn env(mut self, key: &str, value: impl AsRef<OsStr>) -> Self {
        self.inner.env(key, value);
        self
    }

    /// Sets the working directory.
    #[must_use]
    pub fn dir(mut self, dir: &Path) -> Self {
        self.inner.current_dir(dir);
        self
    }

    /// Gives these bytes as standard input.
    #[must_use]
    pub fn input(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.input = Some(bytes.into());
        self
    }

    /// Reads standard input from a file.
    ///
    /// # Errors
    /// The file cannot be opened.
    pub fn stdin_from(mut self, path: &Path) -> Result<Self> {
        self.inner.stdin(File::open(path).at("cannot open", path)?);
        Ok(self)
    }

    /// Takes standard input from another process or an open file.
    #[must_use]
    pub fn stdin(mut self, stdin: impl Into<Stdio>) -> Self {
        self.inner.stdin(stdin);
        self
    }

    /// Writes standard output to a new file.
    ///
    /// # Errors
    /// The file cannot be created.
    pub fn stdout_to(mut self, path: &Path) -> Result<Self> {
        self.inner.stdout(File::create(path).at("cannot create", path)?);
        Ok(self)
    }

    /// All that it prints goes to a file.
    ///
    /// # Errors
    /// The file cannot be created.
    pub fn all_to(mut self, path: &Path) -> Result<Self> {
        let file = File::create(path).at("cannot create", path)?;
        self.inner.stderr(file.try_clone().at("cannot write", path)?).stdout(file);
        Ok(self)
    }

    /// The command line as a person would type it (for messages only).
    pub fn line(&self) -> String {
        let mut words = vec![self.inner.get_program().to_string_lossy().into_owned()];
        words.extend(self.inner.get_args().map(|a| a.to_string_lossy().into_owned()));
        words.join(" ")
    }

    /// Runs to the end and returns what it printed, whatever its exit status.
    ///
    /// # Errors
    /// The program cannot be started.
    pub fn outcome(mut self) -> Result<Output> {
        let start = |source, program: &OsStr| Error::Start { program: program.to_string_lossy().into_owned(), source };
        let program: OsString = self.inner.get_program().to_owned();
        match self.input.take() {
            None => self.inner.output().map_err(|e| start(e, &program)),
            Some(bytes) => {
                self.inner.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
                let mut child = self.inner.spawn().map_err(|e| start(e, &program))?;
                if let Some(mut pipe) = child.stdin.take() {
                    // A program that does not read its input closes the pipe: its exit status tells the story.
                    let _ = pipe.write_all(&bytes);
                }
                child.wait_with_output().map_err(|e| start(e, &program))
            }
        }
    }

    /// Runs to the end with output captured; the standard output of a success is returned.
    ///
    /// # Errors
    /// It cannot be started, or fails; the error quotes the end of its output.
    pub fn bytes(self) -> Result<Vec<u8>> {
        let command = self.line();
        let output = self.outcome()?;
        if output.status.success() {
            return Ok(output.stdout);
        }
        Err(failure(command, &output))
    }

    /// As [`Cmd::bytes`], as trimmed text.
    ///
    /// # Errors
    /// As [`Cmd::bytes`].
    pub fn text(self) -> Result<String> {
        self.bytes().map(|out| String::from_utf8_lossy(&out).trim_end().to_owned())
    }

    /// As [`Cmd::bytes`], the output dropped.
    ///
    /// # Errors
    /// As [`Cmd::bytes`].
    pub fn run(self) -> Result<()> {
        self.bytes().map(drop)
    }

    /// Runs with the terminal as output.
    ///
    /// # Errors
    /// It cannot be started, or fails.
    pub fn show(mut self) -> Result<()> {
        let command = self.line();
        let program = self.inner.get_program().to_string_lossy().into_owned();
        let status = self.inner.status().map_err(|source| Error::Start { program, source })?;
        if status.success() {
            Ok(())
        } else {
            Err(Error::Command { command, status: status.to_string(), tail: String::new() })
        }
    }

    /// Drops what it prints.
    #[must_use]
    pub fn silent(mut self) -> Self {
        self.inner.stdout(Stdio::null()).stderr(Stdio::null());
        self
    }

    /// Starts without waiting.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn spawn(mut self) -> Result<Child> {
        let program = self.inner.get_program().to_string_lossy().into_owned();
        self.inner.spawn().map_err(|source| Error::Start { program, source })
    }

    /// Starts with a piped standard output.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn spawn_piped(mut self) -> Result<Child> {
        self.inner.stdout(Stdio::piped());
        self.spawn()
    }
}

/// The error for a program that ended badly.
pub fn failure(command: String, output: &Output) -> Error {
    let mut text = String::from_utf8_lossy(&output.stderr).trim_end().to_owned();
    if text.is_empty() {
        text = String::from_utf8_lossy(&output.stdout).trim_end().to_owned();
    }
    let mut from = text.len().saturating_sub(TAIL_BYTES);
    while !text.is_char_boundary(from) {
        from += 1;
    }
    let tail = text.get(from..).filter(|t| !t.is_empty()).map(|t| format!(":\n{t}")).unwrap_or_default();
    Error::Command { command, status: output.status.to_string(), tail }
}

/// True when a program of that name is in `PATH` or in the system's administration directories.
pub fn exists(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(["/usr/sbin".into(), "/sbin".into(), "/usr/local/sbin".into()])
        .any(|dir| dir.join(program).is_file())
}

/// True when this process is root.
pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}
