//! The processes behind a mounted image: one in the foreground, or a keeper and a server in the background and somebody who waits until
//! they are ready.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use firn_engine::format::{Filesystem, ImageRecord};
use firn_engine::id::Digest;
use firn_engine::read::OpenImage;
use firn_engine::remote::Tier;
use firn_engine::{Archive, ErrorKind};
use firn_fusefs::engine::Tree;
use firn_fusefs::fs::Fs;
use firn_fusefs::mount::background::{self, BackgroundError, Parent};
use firn_fusefs::mount::{MountOptions, Mounted, StopSignals, Xattrs};

use crate::args::Serving;
use crate::cold::{Cold, Order};
use crate::context::{Context, choose_filesystem};
use crate::failure::Failure;
use crate::keeper::{self, Keeper, Resumed};

/// Tells a background process what it is.
const CHILD: &str = "FIRN_MOUNT_CHILD";
const KEEPER: &str = "keeper";
const SERVER: &str = "server";
/// Between two times that what was read through a mount is written down.
const SAVE_ACCESSES: Duration = Duration::from_secs(300);

/// Something mounted, and what is to be said about it.
pub type Attached = (Mounted, String);

/// Mounts by `attach`, or goes on with what is mounted, and serves. In the background that is done by this program, started anew with the same
/// arguments; `ready` hears of its process number and what `attach` had to say.
pub fn run(
    context: &Context,
    args: &Serving,
    attach: impl FnOnce(&Archive, Option<Resumed>) -> Result<Attached, Failure>,
    ready: impl FnOnce(u32, &str),
) -> Result<(), Failure> {
    check(args)?;
    if args.foreground {
        let (archive, signals) = (context.archive()?, stop_signals()?);
        let (mounted, said) = attach(&archive, None)?;
        if !said.is_empty() {
            eprintln!("firn: {said}");
        }
        return serve(mounted, signals, &archive);
    }
    match std::env::var(CHILD).as_deref() {
        Ok(KEEPER) => return keep(args),
        Ok(SERVER) => return in_background(context, args, attach),
        _ => {}
    }
    let (child, said) = background::start(again(KEEPER)?).map_err(|error| match error {
        BackgroundError::Failed { message, code } => Failure::Background { report: message, code },
        error => Failure::system("mounting in the background")(error),
    })?;
    ready(child.id(), &said);
    Ok(())
}

/// This program with the same arguments, as something else.
fn again(what: &str) -> Result<Command, Failure> {
    let program = std::env::current_exe().map_err(Failure::system("finding this program's own file"))?;
    let mut command = Command::new(program);
    command.args(std::env::args_os().skip(1)).env(CHILD, what);
    Ok(command)
}

/// The keeper: see there.
fn keep(args: &Serving) -> Result<(), Failure> {
    let parent = Parent::attach().map_err(Failure::system("starting in the background"))?;
    let log = log_file(args)?;
    // Found now: where the program was may be another one later, which is then what serves.
    let program = std::env::current_exe().map_err(Failure::system("finding this program's own file"))?;
    let server = || {
        let mut command = Command::new(&program);
        command.args(std::env::args_os().skip(1)).env(CHILD, SERVER);
        command
    };
    keeper::keep(parent, log.as_deref(), stop_signals()?, server).map_err(Failure::system("keeping the mount"))
}

/// The server: mounts, or goes on with what is mounted, tells the keeper, serves.
fn in_background(
    context: &Context,
    args: &Serving,
    attach: impl FnOnce(&Archive, Option<Resumed>) -> Result<Attached, Failure>,
) -> Result<(), Failure> {
    let (keeper, resumed) = Keeper::attach().map_err(Failure::system("starting in the background"))?;
    let prepare = || {
        // What is opened later has to be found from the root directory, too.
        let dir = absolute(&context.archive_dir(None)?)?;
        let log = log_file(args)?;
        let signals = stop_signals()?;
        let archive = crate::bucket::open(&dir)?;
        let (mounted, said) = attach(&archive, resumed)?;
        let keep = mounted.parked().and_then(|parked| keeper.keep(&parked, mounted.point(), &said));
        keep.map_err(Failure::system("handing the mount to its keeper"))?;
        background::quiet(log.as_deref()).map_err(Failure::system("going to the background"))?;
        Ok((mounted, archive, signals))
    };
    let (mounted, archive, signals) = match prepare() {
        Ok(prepared) => prepared,
        Err(failure) => {
            let failure: Failure = failure;
            let (report, code) = failure.render(context.json());
            keeper.failed(report, code);
            return Ok(());
        }
    };
    // Without a keeper the mount goes on all the same.
    let _ = keeper.ready();
    drop(keeper);
    serve(mounted, signals, &archive)
}

fn log_file(args: &Serving) -> Result<Option<PathBuf>, Failure> {
    let log = args.log.as_deref().map(std::path::absolute).transpose();
    log.map_err(Failure::system("finding the log file"))
}

fn absolute(path: &Path) -> Result<PathBuf, Failure> {
    std::path::absolute(path).map_err(Failure::system(format!("finding {}", path.display())))
}

fn stop_signals() -> Result<StopSignals, Failure> {
    StopSignals::install().map_err(Failure::system("setting up signals"))
}

/// Options that only make sense together.
fn check(args: &Serving) -> Result<(), Failure> {
    let given = args.cold_budget.is_some() || args.cold_tier.is_some() || args.cold_days.is_some();
    match (args.cold.thaw, args.cold_budget) {
        (true, None) => Err(Failure::usage(
            "--cold=thaw spends money without asking: say with --cold-budget DOLLARS how much its job may cost at most",
        )),
        (false, _) if given => {
            Err(Failure::usage("--cold-budget, --cold-tier and --cold-days go with --cold=thaw alone"))
        }
        _ => Ok(()),
    }
}

/// An image that is opened to be mounted.
pub struct Opened {
    pub image: Arc<OpenImage>,
    pub record: ImageRecord,
    pub filesystem: Filesystem,
    cold: Arc<Cold>,
}

impl Opened {
    /// Opens the image of this name for a mount on `dir`.
    pub fn open(archive: &Archive, name: &str, dir: &Path, args: &Serving) -> Result<Opened, Failure> {
        let record = archive.resolve(name)?;
        let filesystem = choose_filesystem(&record, &args.platform)?.clone();
        let cache = usize::try_from(args.cache).unwrap_or(usize::MAX);
        let image = Arc::new(archive.open_image(&record, &filesystem, cache)?);
        if args.cold.thaw {
            // Found out now rather than when the first read fails.
            crate::bucket::of(archive)?;
        }
        let order = order(name, args, record.root)?;
        let cold = Cold::new(archive.clone(), Arc::clone(&image), &args.cold, order).recorded(name, dir);
        Ok(Opened { image, record, filesystem, cold: Arc::new(cold) })
    }

    /// A filesystem that shows `tree`, whose contents are the image's.
    pub fn fs(&self, tree: Arc<Tree>) -> Fs {
        Fs::new(tree, Arc::clone(&self.image) as _)
            .with_cold_reads(Arc::clone(&self.cold) as _)
            .with_root_xattr("image", self.record.root.to_string().as_bytes())
            .with_fault_hook(Box::new(|ino, fault| eprintln!("firn: inode {}: {fault}", ino.0)))
    }
}

/// Mount options that follow from how it is served.
pub fn options(archive: &Archive, args: &Serving) -> MountOptions {
    // Where files are is told by attributes, which the kernel would not ask for where the image has none.
    let xattrs = if archive.remote().is_some() { Xattrs::Always } else { Xattrs::Auto };
    MountOptions { xattrs, threads: args.threads, ..MountOptions::default() }
}

fn order(name: &str, args: &Serving, image: Digest) -> Result<Option<Order>, Failure> {
    let Some(budget) = args.cold_budget.filter(|_| args.cold.thaw) else { return Ok(None) };
    Ok(Some(Order {
        name: name.to_owned(),
        image,
        tier: args.cold_tier.unwrap_or(Tier::Standard),
        days: args.cold_days.unwrap_or(3),
        budget,
        prices: crate::pricing::prices(args.prices.as_deref())?,
    }))
}

fn serve(mounted: Mounted, signals: StopSignals, archive: &Archive) -> Result<(), Failure> {
    let saved = archive.clone();
    // A mount may live for months, and what was read through it counts for what may go cold meanwhile.
    std::thread::spawn(move || {
        loop {
            std::thread::sleep(SAVE_ACCESSES);
            if let Err(error) = saved.save_accesses() {
                eprintln!("firn: {}", firn_engine::with_causes(&error));
            }
        }
    });
    let ended = mounted.wait(signals).map(drop).map_err(failed);
    let _ = archive.save_accesses();
    ended
}

/// An error whose text names its cause already.
pub fn failed(error: impl std::error::Error + Send + Sync + 'static) -> Failure {
    Failure::Other { kind: ErrorKind::System, message: error.to_string(), source: None }
}
