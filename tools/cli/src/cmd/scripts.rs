//! Completion scripts and man pages.

use std::path::Path;

use clap::CommandFactory;
use clap_complete::Shell;

use crate::args::Args;
use crate::failure::Failure;

pub fn completions(shell: Shell) {
    clap_complete::generate(shell, &mut Args::command(), "firn", &mut std::io::stdout());
}

pub fn man(dir: &Path) -> Result<(), Failure> {
    let failed = || Failure::system::<std::io::Error>(format!("writing man pages to {}", dir.display()));
    std::fs::create_dir_all(dir).map_err(failed())?;
    clap_mangen::generate_to(Args::command(), dir).map_err(failed())
}
