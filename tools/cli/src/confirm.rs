//! Asking before money is spent or anything is taken away.

use std::io::{BufRead as _, IsTerminal as _, Write as _};

use crate::failure::Failure;

/// What a command that costs may be told.
#[derive(Debug, Clone, Copy, clap::Args)]
pub struct Consent {
    /// Only show what would be done, and what it would cost
    #[arg(long)]
    pub dry_run: bool,
    /// Do it without asking
    #[arg(long, short = 'y', conflicts_with = "dry_run")]
    pub yes: bool,
}

impl Consent {
    /// Whether to go on after the plan was shown. Without a terminal to ask on, somebody has to have said so before.
    pub fn given(self, question: &str) -> Result<bool, Failure> {
        if self.dry_run || self.yes {
            return Ok(self.yes);
        }
        if !std::io::stdin().is_terminal() || !std::io::stderr().is_terminal() {
            return Err(Failure::usage(format!("{question} There is no terminal to ask on: say --yes or --dry-run")));
        }
        let mut err = std::io::stderr();
        let asked = write!(err, "{question} [y/N] ").and_then(|()| err.flush());
        let mut answer = String::new();
        asked.and_then(|()| std::io::stdin().lock().read_line(&mut answer)).map_err(Failure::system("asking"))?;
        Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
    }
}
