//! `glacier-sim`: the server on its own.

use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser as _;
use glacier_sim::{Sim, SimError};

mod args;

fn main() -> ExitCode {
    let args = args::Args::parse();
    let outcome = args.options().and_then(|options| run(options).map_err(|e| e.to_string()));
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("glacier-sim: {message}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: glacier_sim::SimOptions) -> Result<(), SimError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(SimError::Runtime)?;
    // Before the server takes requests, so that a signal right after its first line ends it properly.
    let mut asked = runtime.block_on(async { Stop::new() }).map_err(SimError::Runtime)?;
    let sim = Sim::start(options)?;
    // Whoever started it waits for this line; if nobody reads it, that is no reason to stop.
    let mut out = std::io::stdout();
    let _ = writeln!(out, "{}", sim.url()).and_then(|()| out.flush());
    runtime.block_on(asked.asked());
    sim.stop();
    Ok(())
}

/// The signals that end the server in good order.
struct Stop {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
}

impl Stop {
    fn new() -> std::io::Result<Stop> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Stop { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    async fn asked(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
