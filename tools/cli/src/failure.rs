//! Errors as people see them: what failed, why, what to do, and the exit code.

use std::error::Error as StdError;
use std::process::ExitCode;

use firn_engine::{Error, ErrorKind};

/// Why a command failed.
#[derive(Debug)]
pub enum Failure {
    /// The engine failed.
    Engine(Error),
    /// Anything else, with the kind that it is of.
    Other {
        /// What kind.
        kind: ErrorKind,
        /// What failed.
        message: String,
        /// Why.
        source: Option<Box<dyn StdError + Send + Sync>>,
    },
    /// A background process failed and said so itself.
    Background {
        /// Its report, complete.
        report: String,
        /// Its exit code.
        code: u8,
    },
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Failure::Engine(error)
    }
}

impl Failure {
    /// A request that makes no sense.
    pub fn usage(message: impl Into<String>) -> Self {
        Failure::Other { kind: ErrorKind::Usage, message: message.into(), source: None }
    }

    /// The machine failed.
    pub fn system<E: StdError + Send + Sync + 'static>(message: impl Into<String>) -> impl FnOnce(E) -> Self {
        let message = message.into();
        move |error| Failure::Other { kind: ErrorKind::System, message, source: Some(Box::new(error)) }
    }

    fn kind(&self) -> ErrorKind {
        match self {
            Failure::Engine(error) => error.kind(),
            Failure::Other { kind, .. } => *kind,
            Failure::Background { .. } => ErrorKind::System,
        }
    }

    fn message(&self) -> String {
        match self {
            Failure::Engine(error) => error.to_string(),
            Failure::Other { message, .. } => message.clone(),
            Failure::Background { report, .. } => report.clone(),
        }
    }

    fn causes(&self) -> Vec<String> {
        let mut next = match self {
            Failure::Engine(error) => error.source(),
            Failure::Background { .. } => None,
            Failure::Other { source, .. } => source.as_ref().map(|source| source.as_ref() as &dyn StdError),
        };
        let mut causes = Vec::new();
        while let Some(cause) = next {
            let text = cause.to_string();
            // Wrappers that only pass their cause on would say everything twice.
            if causes.last() != Some(&text) {
                causes.push(text);
            }
            next = cause.source();
        }
        causes
    }

    fn hint(&self) -> Option<String> {
        if let Failure::Engine(error) = self {
            match error {
                Error::NoSuchImage { similar, .. } if !similar.is_empty() => {
                    return Some(format!("did you mean {}?", similar.join(", ")));
                }
                Error::NoSuchImage { .. } => return Some("firn ls --all lists what there is".to_owned()),
                Error::NotAnArchive { .. } => {
                    return Some("firn init DIR makes one; --archive DIR or FIRN_ARCHIVE names one".to_owned());
                }
                Error::BlobDropped { .. } => {
                    return Some("restore to docker-archive:FILE, tar:FILE or dir:PATH; archiving the image again makes it whole".to_owned());
                }
                Error::Layer { .. } if error.kind() == ErrorKind::BadInput => {
                    return Some(
                        "--keep-unreadable archives such layers as opaque bytes: the image restores exactly, but does not mount"
                            .to_owned(),
                    );
                }
                _ => {}
            }
        }
        let hint = match self.kind() {
            ErrorKind::Damaged => "firn verify --all tells which images are affected; all others are intact",
            ErrorKind::Busy => "wait until it is done; reading, mounting and restoring go on meanwhile",
            ErrorKind::System => {
                "nothing that was archived before is affected; mend this and run the same command again"
            }
            ErrorKind::Frozen => "firn thaw IMAGE --dry-run tells what bringing it back costs and how long it takes",
            ErrorKind::Internal => "this is a defect of firn; nothing that was archived before is affected",
            ErrorKind::Limit => "the limit guards against decompression bombs; raise it with the flag named above",
            ErrorKind::NotFound | ErrorKind::BadInput | ErrorKind::Usage => return None,
        };
        Some(hint.to_owned())
    }

    /// Prints the failure on standard error and gives the exit code.
    pub fn report(&self, json: bool) -> ExitCode {
        let (report, code) = self.render(json);
        eprint!("{report}");
        ExitCode::from(code)
    }

    /// The report as [`Failure::report`] prints it, and the exit code.
    pub fn render(&self, json: bool) -> (String, u8) {
        if let Failure::Background { report, code } = self {
            return (report.clone(), *code);
        }
        let (name, code) = kind_name_and_code(self.kind());
        if json {
            let report = serde_json::json!({
                "error": {
                    "kind": name,
                    "message": self.message(),
                    "causes": self.causes(),
                    "hint": self.hint(),
                    "exit_code": code,
                }
            });
            return (format!("{report}\n"), code);
        }
        let mut report = format!("firn: {}\n", self.message());
        self.causes().iter().for_each(|cause| report.push_str(&format!("  because: {cause}\n")));
        self.hint().iter().for_each(|hint| report.push_str(&format!("  hint: {hint}\n")));
        (report, code)
    }
}

/// The documented name and exit code of each kind ([`crate::args::EXIT_CODES`]).
fn kind_name_and_code(kind: ErrorKind) -> (&'static str, u8) {
    match kind {
        ErrorKind::Internal => ("internal", 10),
        ErrorKind::Usage => ("usage", 2),
        ErrorKind::NotFound => ("not_found", 3),
        ErrorKind::BadInput => ("bad_input", 4),
        ErrorKind::Damaged => ("damaged", 5),
        ErrorKind::Busy => ("busy", 6),
        ErrorKind::System => ("system", 7),
        ErrorKind::Limit => ("limit", 8),
        ErrorKind::Frozen => ("frozen", 9),
    }
}
