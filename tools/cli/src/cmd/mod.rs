//! One file per command.

mod archive;
mod attach;
mod cache;
mod cat;
mod cost;
mod diff;
mod fill;
mod hydrate;
mod index;
mod init;
mod ls;
mod mount;
mod pin;
mod restore;
mod run_overlay;
mod scripts;
mod serving;
mod settle;
mod show;
mod spill;
mod stats;
mod status;
pub mod thaw;
mod verify;

use std::process::ExitCode;

use crate::args::{Args, Command, Index};
use crate::context::Context;
use crate::failure::Failure;

/// Runs a command; the exit code is 0 unless it says otherwise.
pub fn run(args: Args) -> Result<ExitCode, Failure> {
    let context = Context::new(args.global);
    match args.command {
        Command::Init(args) => init::run(&context, &args)?,
        Command::Archive(args) => archive::run(&context, &args)?,
        Command::Ls(args) => ls::run(&context, &args)?,
        Command::Show(args) => show::run(&context, &args)?,
        Command::Stats => stats::run(&context)?,
        Command::Mount(args) => mount::mount(&context, &args)?,
        Command::RunOverlay(args) => run_overlay::run(&context, &args)?,
        Command::Hydrate(args) => hydrate::run(&context, &args)?,
        Command::Cache(args) => cache::run(&context, &args)?,
        Command::Umount(args) => mount::umount(&context, &args)?,
        Command::Cat(args) => cat::run(&context, &args)?,
        Command::Diff(args) => return diff::run(&context, &args),
        Command::Restore(args) => restore::run(&context, &args)?,
        Command::Verify(args) => return verify::run(&context, &args),
        Command::Settle(args) => return settle::run(&context, &args),
        Command::Attach(args) => attach::run(&context, &args)?,
        Command::Status(args) => status::run(&context, &args)?,
        Command::Sync(args) => attach::sync(&context, &args)?,
        Command::Spill(args) => spill::run(&context, &args)?,
        Command::Thaw(args) => thaw::run(&context, &args)?,
        Command::Pin(args) => pin::run(&context, &args)?,
        Command::Unpin(args) => pin::unpin(&context, &args)?,
        Command::Cost(args) => cost::run(&context, &args)?,
        Command::Index(Index::Rebuild) => index::rebuild(&context)?,
        Command::Completions { shell } => scripts::completions(shell),
        Command::Man { dir } => scripts::man(&dir)?,
    }
    Ok(ExitCode::SUCCESS)
}
