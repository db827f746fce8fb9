//! `firn mount` and `firn umount`

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use firn_engine::id::Digest;
use firn_engine::remote::Tier;
use firn_engine::{Archive, ErrorKind};
use firn_fusefs::fs::Fs;
use firn_fusefs::mount::background::{self, BackgroundError, Parent};
use firn_fusefs::mount::{self, Manner, MountOptions, Mounted, StopSignals, Xattrs};
use serde_json::json;

use crate::args::{Mount, Umount};
use crate::cold::{Cold, Order};
use crate::context::{Context, choose_filesystem};
use crate::failure::Failure;

/// Tells the background process what it is.
const CHILD: &str = "FIRN_MOUNT_CHILD";
/// Between two times that what was read through a mount is written down.
const SAVE_ACCESSES: Duration = Duration::from_secs(300);

pub fn mount(context: &Context, args: &Mount) -> Result<(), Failure> {
    check(args)?;
    if args.foreground {
        let (archive, signals) = (context.archive()?, stop_signals()?);
        let mounted = attach(&archive, args)?;
        return serve(mounted, signals, &archive);
    }
    if std::env::var_os(CHILD).is_some() {
        return in_background(context, args);
    }
    start_background(context, args)
}

/// The parent: starts this program again and waits until the mount answers.
fn start_background(context: &Context, args: &Mount) -> Result<(), Failure> {
    let program = std::env::current_exe().map_err(Failure::system("finding this program's own file"))?;
    let mut command = Command::new(program);
    command.args(std::env::args_os().skip(1)).env(CHILD, "1");
    let child = background::start(command).map_err(|error| match error {
        BackgroundError::Failed { message, code } => Failure::Background { report: message, code },
        error => Failure::system("mounting in the background")(error),
    })?;
    let (image, dir, pid) = (&args.image, &args.dir, child.id());
    context.print(&json!({ "image": image, "mounted_on": dir, "pid": pid }), || {
        format!("mounted {image} on {}\n", dir.display())
    });
    Ok(())
}

/// The child: mounts, tells the parent, serves.
fn in_background(context: &Context, args: &Mount) -> Result<(), Failure> {
    let parent = Parent::attach().map_err(Failure::system("starting in the background"))?;
    let prepare = || {
        // What is opened later has to be found from the root directory, too.
        let dir = absolute(&context.archive_dir(None)?)?;
        let log = args.log.as_deref().map(std::path::absolute).transpose();
        let log = log.map_err(Failure::system("finding the log file"))?;
        let signals = stop_signals()?;
        let archive = crate::bucket::open(&dir)?;
        Ok((attach(&archive, args)?, archive, signals, log))
    };
    let (mounted, archive, signals, log) = match prepare() {
        Ok(prepared) => prepared,
        Err(failure) => {
            let failure: Failure = failure;
            let (report, code) = failure.render(context.json());
            parent.failed(&report, code);
            return Ok(());
        }
    };
    parent.ready(log.as_deref()).map_err(Failure::system("going to the background"))?;
    serve(mounted, signals, &archive)
}

fn absolute(path: &Path) -> Result<PathBuf, Failure> {
    std::path::absolute(path).map_err(Failure::system(format!("finding {}", path.display())))
}

fn stop_signals() -> Result<StopSignals, Failure> {
    StopSignals::install().map_err(Failure::system("setting up signals"))
}

/// Options that only make sense together.
fn check(args: &Mount) -> Result<(), Failure> {
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

fn order(args: &Mount, image: Digest) -> Result<Option<Order>, Failure> {
    let Some(budget) = args.cold_budget.filter(|_| args.cold.thaw) else { return Ok(None) };
    Ok(Some(Order {
        name: args.image.clone(),
        image,
        tier: args.cold_tier.unwrap_or(Tier::Standard),
        days: args.cold_days.unwrap_or(3),
        budget,
        prices: crate::pricing::prices(args.prices.as_deref())?,
    }))
}

fn attach(archive: &Archive, args: &Mount) -> Result<Mounted, Failure> {
    let record = archive.resolve(&args.image)?;
    let filesystem = choose_filesystem(&record, &args.platform)?;
    let cache = usize::try_from(args.cache).unwrap_or(usize::MAX);
    let image = archive.open_image(&record, filesystem, cache)?;
    if args.cold.thaw {
        // Found out now rather than when the first read fails.
        crate::bucket::of(archive)?;
    }
    let image = Arc::new(image);
    let cold = Cold::new(archive.clone(), Arc::clone(&image), &args.cold, order(args, record.root)?);
    // Where files are is told by attributes, which the kernel would not ask for where the image has none.
    let xattrs = if archive.remote().is_some() { Xattrs::Always } else { Xattrs::Auto };
    let mut options = MountOptions { xattrs, ..MountOptions::default() };
    (options.allow_other, options.threads) = (args.allow_other, args.threads);
    let cold = Arc::new(cold.recorded(&args.image, &args.dir));
    for option in &args.options {
        options.apply(option).map_err(|error| Failure::usage(error.to_string()))?;
    }
    let tree = Arc::clone(image.tree());
    let fs = Fs::new(tree, image)
        .with_cold_reads(cold)
        .with_root_xattr("image", record.root.to_string().as_bytes())
        .with_fault_hook(Box::new(|ino, fault| eprintln!("firn: inode {}: {fault}", ino.0)));
    mount::mount(Arc::new(fs), &args.dir, &options).map_err(failed)
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

fn failed(error: impl std::error::Error + Send + Sync + 'static) -> Failure {
    // The text names the cause already.
    Failure::Other { kind: ErrorKind::System, message: error.to_string(), source: None }
}

pub fn umount(context: &Context, args: &Umount) -> Result<(), Failure> {
    let manner = if args.lazy { Manner::Lazy } else { Manner::Now };
    mount::unmount(&args.dir, manner).map_err(failed)?;
    context.print(&json!({ "unmounted": args.dir }), || format!("unmounted {}\n", args.dir.display()));
    Ok(())
}
