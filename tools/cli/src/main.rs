//! The `firn` program: arguments in, engine called, results shown.

mod alloc;
mod args;
mod bucket;
mod cmd;
mod cold;
mod confirm;
mod context;
mod failure;
mod keeper;
mod policy;
mod pricing;
mod progress;
mod settings;
mod show;
mod startup;
mod sys;
mod thawing;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    alloc::keep_large_buffers();
    let args = args::Args::parse();
    let json = args.global.json;
    match cmd::run(args) {
        Ok(code) => code,
        Err(failure) => failure.report(json),
    }
}
