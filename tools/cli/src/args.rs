//! The command line.

use std::path::PathBuf;

use clap::{Args as ClapArgs, Parser, Subcommand, ValueHint};
use firn_engine::remote::{Class, Tier};

use crate::confirm::Consent;

/// Exit codes, shown by `firn help` and in the man page.
pub const EXIT_CODES: &str = "\
Exit codes:
  0    done
  1    after diff --exit-code: the images differ
  2    wrong usage
  3    not found: no such image, path or archive
  4    bad input: the image or its source is damaged or makes no sense
  5    the archive is damaged: run firn verify
  6    busy: another firn is writing to the archive
  7    the storage or the machine failed: mend that and run the same again
  8    a limit was reached that a flag raises
  9    frozen: what is wanted sleeps in an archive class; firn thaw wakes it
  10   internal error: a defect of firn";

/// Archive container images at the price of ice, and mount any of them at once.
#[derive(Debug, Parser)]
#[command(name = "firn", version, after_help = EXIT_CODES, max_term_width = 100, propagate_version = true)]
pub struct Args {
    /// Options of every command.
    #[command(flatten)]
    pub global: Global,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Options of every command.
#[derive(Debug, Clone, ClapArgs)]
pub struct Global {
    /// The archive's directory [default: `archive` in the config file]
    #[arg(long, short = 'a', global = true, env = "FIRN_ARCHIVE", value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub archive: Option<PathBuf>,
    /// Config file [default: ~/.config/firn/config.toml, then /etc/firn/config.toml]
    #[arg(long, global = true, env = "FIRN_CONFIG", value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub config: Option<PathBuf>,
    /// Print results as JSON on standard output, errors as JSON on standard error
    #[arg(long, global = true)]
    pub json: bool,
    /// No progress, only results
    #[arg(long, short = 'q', global = true)]
    pub quiet: bool,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make a new, empty archive
    Init(Init),
    /// Put images into the archive
    Archive(Archive),
    /// List the images
    Ls(Ls),
    /// Show one image: its layers, how each is re-created, its filesystems
    Show(Show),
    /// What the archive holds and what that takes
    Stats,
    /// Mount an image as a read-only filesystem, at once
    #[command(visible_alias = "mnt")]
    Mount(Mount),
    /// Mount an image with a writable layer, ready for chroot or runc
    RunOverlay(RunOverlay),
    /// Bring an image's files here as whole files, so that mounts by run-overlay read them without firn
    Hydrate(Hydrate),
    /// Show or trim the whole files that are here
    #[command(subcommand)]
    Cache(Cache),
    /// Unmount what `firn mount` or `firn run-overlay` mounted
    #[command(visible_alias = "unmount")]
    Umount(Umount),
    /// Print a file of an image
    Cat(Cat),
    /// Write an image out again: bit for bit, for docker, or its files
    Restore(Restore),
    /// What differs between two images
    Diff(Diff),
    /// Read and hash everything an image needs
    Verify(Verify),
    /// Find how to re-create layers that were archived with --defer, and drop their originals
    Settle(Settle),
    /// Give an archive its bucket, or make one from its bucket alone
    Attach(Attach),
    /// Where the images' bytes are, what is frozen or thawing, and what waits for what
    Status(Status),
    /// Bring archive and bucket together: what either lacks, it gets
    Sync(Sync),
    /// Move packs to the bucket, into a cold storage class, and free their space here
    Spill(Spill),
    /// Make an image's frozen packs readable again: priced first, then asked for, and brought here as they thaw
    Thaw(Thaw),
    /// Keep what a start of an image reads at hand while everything else of it sleeps
    Pin(Pin),
    /// Give up what is pinned of an image
    Unpin(Unpin),
    /// What the bucket costs now, and over years
    Cost(Cost),
    /// The chunk index, which is derived from the packs
    #[command(subcommand)]
    Index(Index),
    /// Print a completion script for a shell
    Completions {
        /// Which shell
        shell: clap_complete::Shell,
    },
    /// Write man pages into a directory
    #[command(hide = true)]
    Man {
        /// Where to
        dir: PathBuf,
    },
}

/// `firn init`
#[derive(Debug, ClapArgs)]
pub struct Init {
    /// Directory to make the archive in; must be empty or not exist [default: --archive]
    #[arg(value_hint = ValueHint::DirPath)]
    pub dir: Option<PathBuf>,
    /// Length at which packs are sealed, 1M to 250M
    #[arg(long, value_name = "SIZE", default_value = "64M", value_parser = parse_size)]
    pub pack_size: u64,
    /// zstd level, 1 to 19
    #[arg(long, value_name = "N", default_value_t = 3)]
    pub level: u8,
    /// Uncompressed size of a frame: larger packs tighter, smaller reads faster at random
    #[arg(long, value_name = "SIZE", default_value = "1M", value_parser = parse_size)]
    pub frame_size: u64,
    /// New content that is sorted by similarity before it is compressed; takes four times as much memory
    #[arg(long, value_name = "SIZE", default_value = "64M", value_parser = parse_size)]
    pub window: u64,
}

/// `firn attach`
#[derive(Debug, ClapArgs)]
pub struct Attach {
    /// The archive's directory; made from the bucket if it does not exist
    #[arg(value_hint = ValueHint::DirPath)]
    pub dir: PathBuf,
    /// The bucket: s3://BUCKET/PREFIX. Credentials come from where the AWS tools look for them
    pub url: String,
    /// Another server than AWS: http://HOST:PORT or https://HOST:PORT
    #[arg(long, value_name = "URL", env = "AWS_ENDPOINT_URL_S3")]
    pub endpoint: Option<String>,
    /// The bucket's region [default: as the AWS tools find it]
    #[arg(long)]
    pub region: Option<String>,
    /// Which checksums travel with requests; some servers refuse what they do not know
    #[arg(long, value_enum, default_value_t)]
    pub checksums: crate::bucket::ChecksumChoice,
    /// Bytes of the bucket's packs that are kept here [default: 8G]
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    pub cache_size: Option<u64>,
}

/// `firn sync`
#[derive(Debug, ClapArgs)]
pub struct Sync {
    /// Only what the bucket has and this archive has not
    #[arg(long)]
    pub pull: bool,
    /// Storage class of packs that go to the bucket: standard, standard-ia, glacier-ir, glacier or deep-archive
    #[arg(long, default_value = "standard", conflicts_with = "pull")]
    pub class: Class,
}

/// `firn status`
#[derive(Debug, ClapArgs)]
pub struct Status {
    /// Only this image: name, digest, or the first digits of one
    pub image: Option<String>,
    /// Go by what the bucket held when it was last looked at
    #[arg(long)]
    pub offline: bool,
}

/// `firn spill`
#[derive(Debug, ClapArgs)]
pub struct Spill {
    /// Only packs of these images [default: of all]
    #[arg(value_name = "IMAGE")]
    pub images: Vec<String>,
    /// Only packs that no image of the last 30d (or 12h, 4w, 1y) uses
    #[arg(long, value_name = "AGE", default_value = "0d", value_parser = parse_age)]
    pub older_than: u64,
    /// Storage class: standard, standard-ia, glacier-ir, glacier or deep-archive
    #[arg(long, required_unless_present = "policy")]
    pub class: Option<Class>,
    /// Let a policy choose each pack's class by what it is expected to cost: a TOML file, or `default`
    #[arg(long, value_name = "FILE", conflicts_with_all = ["class", "older_than"])]
    pub policy: Option<PathBuf>,
    /// Prices: us-east-1, round-numbers, or a TOML file
    #[arg(long, value_name = "TABLE")]
    pub prices: Option<PathBuf>,
    /// Whether to ask
    #[command(flatten)]
    pub consent: Consent,
}

/// `firn thaw`
#[derive(Debug, ClapArgs)]
pub struct Thaw {
    /// An image, or a thaw job
    #[arg(value_name = "IMAGE|JOB")]
    pub target: Option<String>,
    /// How fast: bulk, standard or expedited
    #[arg(long, default_value = "standard")]
    pub tier: Tier,
    /// Days that the readable copies live
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=3650))]
    pub days: u32,
    /// Stay until everything is here; what was interrupted goes on with the same command
    #[arg(long)]
    pub wait: bool,
    /// List the jobs
    #[arg(long, conflicts_with_all = ["target", "wait", "escalate", "cancel", "resume"])]
    pub status: bool,
    /// With --status: again and again until all are over
    #[arg(long, requires = "status")]
    pub watch: bool,
    /// Ask again on a faster tier for what is not readable yet
    #[arg(long, value_name = "TIER")]
    pub escalate: Option<Tier>,
    /// Ask for nothing more
    #[arg(long, conflicts_with_all = ["escalate", "resume", "wait"])]
    pub cancel: bool,
    /// Ask again for copies that expired
    #[arg(long)]
    pub resume: bool,
    /// Have the readable copies of a job live --days from now on
    #[arg(long, requires = "target", conflicts_with_all = ["escalate", "cancel", "resume", "status"])]
    pub extend: bool,
    /// Prices: us-east-1, round-numbers, or a TOML file
    #[arg(long, value_name = "TABLE")]
    pub prices: Option<PathBuf>,
    /// Whether to ask
    #[command(flatten)]
    pub consent: Consent,
}

/// `firn pin`
#[derive(Debug, ClapArgs)]
#[command(group = clap::ArgGroup::new("what").required(true))]
pub struct Pin {
    /// Name, digest, or the first digits of one
    #[arg(required_unless_present = "list")]
    pub image: Option<String>,
    /// What its own program reads in its first seconds: it is run in a container without a network, with changes thrown away
    #[arg(long, group = "what")]
    pub startup: bool,
    /// These files and everything below these directories: a file with one path on each line, or `-`
    #[arg(long, group = "what", value_name = "LIST", value_hint = ValueHint::FilePath)]
    pub files: Option<PathBuf>,
    /// What was read through the mounts of the image that are there now
    #[arg(long, group = "what")]
    pub from_mount: bool,
    /// Show what is pinned
    #[arg(long, group = "what", conflicts_with_all = ["image", "add", "command"])]
    pub list: bool,
    /// Keep what is pinned of the image already, too
    #[arg(long)]
    pub add: bool,
    /// With --startup: how long its program may run, e.g. 30s, before it is stopped
    #[arg(long = "for", value_name = "TIME", default_value = "10s", value_parser = parse_time)]
    pub run_for: std::time::Duration,
    /// With --startup: what to run instead of the image's own program
    #[arg(last = true, value_name = "COMMAND", conflicts_with_all = ["files", "from_mount"])]
    pub command: Vec<String>,
    /// Which filesystem
    #[command(flatten)]
    pub platform: PlatformChoice,
}

/// `firn unpin`
#[derive(Debug, ClapArgs)]
pub struct Unpin {
    /// Name, digest, or the first digits of one
    pub image: String,
}

/// `firn cost`
#[derive(Debug, ClapArgs)]
pub struct Cost {
    /// Years to look ahead, growing as the archive did so far
    #[arg(long, value_name = "YEARS", value_parser = parse_years)]
    pub project: Option<u32>,
    /// What the months so far, as they were read, would have cost under this policy: a TOML file, or `default`
    #[arg(long, value_name = "POLICY")]
    pub what_if: Option<PathBuf>,
    /// Prices: us-east-1, round-numbers, or a TOML file
    #[arg(long, value_name = "TABLE")]
    pub prices: Option<PathBuf>,
    /// Go by what the bucket held when it was last looked at
    #[arg(long)]
    pub offline: bool,
}

/// `firn archive`
#[derive(Debug, ClapArgs)]
pub struct Archive {
    /// Images: oci:DIR[:TAG], oci-archive:FILE[:TAG], docker-archive:FILE[:NAME]; @sha256:… instead of :TAG picks by digest
    #[arg(required = true, value_name = "SOURCE")]
    pub sources: Vec<String>,
    /// The archive's directory, as --archive
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub to: Option<PathBuf>,
    /// Name to give the image [default: the name it has in its source]; only with one source
    #[arg(long, short = 'n')]
    pub name: Option<String>,
    /// Give the image no name; it is found by its digest
    #[arg(long, conflicts_with = "name")]
    pub no_name: bool,
    /// Threads that compress and look for encoders [default: one per core]
    #[arg(long, short = 'j', value_name = "N")]
    pub threads: Option<usize>,
    /// Commit with the compressed layers as they are, and leave it to `firn settle` to find how to re-create them
    #[arg(long)]
    pub defer: bool,
    /// What has to come back: the image with its digest, or only what its layers decompress to
    #[arg(long, value_enum, value_name = "WHAT", default_value_t = Fidelity::Digest, conflicts_with = "defer")]
    pub fidelity: Fidelity,
    /// Most bytes that one layer may decompress to
    #[arg(long, value_name = "SIZE", default_value = "64G", value_parser = parse_size)]
    pub max_layer_size: u64,
    /// Most decompressed bytes for each compressed one, past the first gigabyte of a layer
    #[arg(long, value_name = "N", default_value_t = 200)]
    pub max_layer_ratio: u64,
    /// Largest window of a zstd layer, as a power of two: 10 to 31
    #[arg(long, value_name = "LOG", default_value_t = 27, value_parser = clap::value_parser!(u32).range(10..=31))]
    pub max_zstd_window: u32,
    /// Keep layers that are no readable tar stream as opaque bytes: the image restores exactly, but does not mount
    #[arg(long)]
    pub keep_unreadable: bool,
}

/// What of an image has to come back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Fidelity {
    /// Every byte: the same manifest digest, the same compressed layers, signatures hold
    Digest,
    /// What the layers decompress to, and the mounted files; pulls by digest and signatures no longer hold
    Content,
}

/// `firn settle`
#[derive(Debug, ClapArgs)]
pub struct Settle {
    /// Try again for layers whose encoder was not found before: for a newer firn that knows more of them
    #[arg(long)]
    pub retry: bool,
    /// Threads that look for encoders [default: one per core]
    #[arg(long, short = 'j', value_name = "N")]
    pub threads: Option<usize>,
}

/// `firn ls`
#[derive(Debug, ClapArgs)]
pub struct Ls {
    /// Only names that contain this
    pub pattern: Option<String>,
    /// Images that have no name, too
    #[arg(long)]
    pub all: bool,
}

/// `firn show`
#[derive(Debug, ClapArgs)]
pub struct Show {
    /// Name, digest, or the first digits of one
    pub image: String,
}

/// Which filesystem of an image with several platforms.
#[derive(Debug, Clone, ClapArgs)]
pub struct PlatformChoice {
    /// Platform of a multi-platform image [default: this machine's, or the only one]
    #[arg(long, value_name = "OS/ARCH[/VARIANT]")]
    pub platform: Option<String>,
}

/// How a mounted image is served.
#[derive(Debug, ClapArgs)]
pub struct Serving {
    /// Stay in the foreground until unmounted or interrupted
    #[arg(long, short = 'f')]
    pub foreground: bool,
    /// Threads that serve the kernel
    #[arg(long, value_name = "N", default_value_t = 2)]
    pub threads: usize,
    /// Memory for decompressed frames
    #[arg(long, value_name = "SIZE", default_value = "128M", value_parser = parse_size)]
    pub cache: u64,
    /// What becomes of reads of frozen packs: fail (at once, EREMOTEIO), wait:TIME (held so long, up to 1h, e.g. wait:5m), thaw (fail,
    /// and one thaw job is filed for the image), or thaw,wait:TIME
    #[arg(long, value_name = "HOW", default_value = "fail")]
    pub cold: crate::cold::ColdMode,
    /// With --cold=thaw: the most its job may cost, in dollars
    #[arg(long, value_name = "DOLLARS", value_parser = parse_dollars)]
    pub cold_budget: Option<f64>,
    /// With --cold=thaw: how fast: bulk, standard or expedited [default: standard]
    #[arg(long, value_name = "TIER")]
    pub cold_tier: Option<Tier>,
    /// With --cold=thaw: days that the readable copies live [default: 3]
    #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u32).range(1..=3650))]
    pub cold_days: Option<u32>,
    /// Prices: us-east-1, round-numbers, or a TOML file
    #[arg(long, value_name = "TABLE")]
    pub prices: Option<PathBuf>,
    /// Write what the background process has to say to this file
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub log: Option<PathBuf>,
    /// Which filesystem
    #[command(flatten)]
    pub platform: PlatformChoice,
}

/// `firn mount`
#[derive(Debug, ClapArgs)]
pub struct Mount {
    /// Name, digest, or the first digits of one
    pub image: String,
    /// Directory to mount on
    #[arg(value_hint = ValueHint::DirPath)]
    pub dir: PathBuf,
    /// Let other users look inside, too; permissions of the image's files hold
    #[arg(long)]
    pub allow_other: bool,
    /// Mount options, as mount(8) takes them: dev, suid, noexec, allow_other, …
    #[arg(short = 'o', value_name = "OPTIONS", value_delimiter = ',')]
    pub options: Vec<String>,
    /// How it is served
    #[command(flatten)]
    pub serving: Serving,
}

/// What `firn run-overlay` says about itself.
const RUN_OVERLAY: &str = "\
Changes are kept in memory and gone with the mount, unless --upper names a directory for them.
firn umount DIR takes it all away again.";

/// `firn run-overlay`
#[derive(Debug, ClapArgs)]
#[command(after_help = RUN_OVERLAY)]
pub struct RunOverlay {
    /// Name, digest, or the first digits of one
    pub image: String,
    /// Directory to mount on
    #[arg(value_hint = ValueHint::DirPath)]
    pub dir: PathBuf,
    /// Keep changes in this directory (in `upper`; `work` beside it is the kernel's): what is there already is shown again
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath, group = "changes")]
    pub upper: Option<PathBuf>,
    /// Keep changes in memory: the default
    #[arg(long, group = "changes")]
    pub tmpfs: bool,
    /// Allow no changes
    #[arg(long, group = "changes")]
    pub read_only: bool,
    /// Who serves metadata and files that are here: the kernel where it can, or FUSE alone
    #[arg(long, value_enum, value_name = "MODE", default_value_t = LowerMode::Auto)]
    pub mode: LowerMode,
    /// What is unpacked to whole files in the background, while nobody reads: nothing, what is on this machine, or also what is in the bucket
    /// and read at once
    #[arg(long, value_enum, value_name = "WHAT", default_value_t = Fill::Local)]
    pub fill: Fill,
    /// How fast, in bytes a second; 0 for as fast as it goes
    #[arg(long, value_name = "SIZE", default_value = "64M", value_parser = parse_size)]
    pub fill_rate: u64,
    /// Whole files of all images are not unpacked in the background beyond this
    #[arg(long, value_name = "SIZE", default_value = "16G", value_parser = parse_size)]
    pub fill_limit: u64,
    /// How it is served
    #[command(flatten)]
    pub serving: Serving,
}

/// What is unpacked in the background.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Fill {
    /// Nothing
    None,
    /// Files whose bytes are on this machine
    Local,
    /// Those in the bucket, too, where they are read at once
    All,
}

/// What lies below the writable layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum LowerMode {
    /// rootfs where it can be had, else fuse
    Auto,
    /// Metadata by EROFS, files that are here by the kernel, others by FUSE (Linux 6.12, root, an archive on a disk)
    Rootfs,
    /// Everything by FUSE
    Fuse,
}

/// `firn hydrate`
#[derive(Debug, ClapArgs)]
pub struct Hydrate {
    /// Name, digest, or the first digits of one
    pub image: String,
    /// Fetch what is in the bucket, too, where it is read at once; otherwise only what is on this machine is unpacked
    #[arg(long)]
    pub remote: bool,
    /// Memory for decompressed frames
    #[arg(long, value_name = "SIZE", default_value = "128M", value_parser = parse_size)]
    pub cache: u64,
    /// Which filesystem
    #[command(flatten)]
    pub platform: PlatformChoice,
}

/// `firn cache`
#[derive(Debug, Subcommand)]
pub enum Cache {
    /// Whole files that are here, and what they take
    Stats,
    /// Remove whole files until they take no more than this, but none of images that are mounted by run-overlay; the archive keeps everything
    Trim {
        /// How much may stay, e.g. 10G
        #[arg(long, value_name = "SIZE", value_parser = parse_size)]
        to: u64,
    },
}

/// `firn umount`
#[derive(Debug, ClapArgs)]
pub struct Umount {
    /// Where it is mounted
    #[arg(value_hint = ValueHint::DirPath)]
    pub dir: PathBuf,
    /// Take it out of sight at once, and away when nobody uses it any more
    #[arg(long, short = 'l')]
    pub lazy: bool,
}

/// `firn cat`
#[derive(Debug, ClapArgs)]
pub struct Cat {
    /// Name, digest, or the first digits of one
    pub image: String,
    /// Path in the image; symbolic links are followed inside the image
    pub path: String,
    /// Which filesystem
    #[command(flatten)]
    pub platform: PlatformChoice,
}

/// What `firn restore` says about its destinations.
const DESTINATIONS: &str = "\
Destinations:
  oci:DIR[:TAG]                 OCI layout: every blob as it was, same digests
  oci-archive:FILE[:TAG]        the same in a tar file
  docker-archive:FILE[:NAME]    what docker load reads: layers uncompressed. This format holds no
                                manifest, so the manifest digest is LOST; image id and diff ids stay
  tar:FILE, tar:-               the merged files as one tar stream; - is standard output
  dir:PATH                      the merged files in an empty or new directory";

/// `firn restore`
#[derive(Debug, ClapArgs)]
#[command(after_help = DESTINATIONS)]
pub struct Restore {
    /// Name, digest, or the first digits of one
    pub image: String,
    /// Where to: oci:DIR[:TAG], oci-archive:FILE[:TAG], docker-archive:FILE[:NAME], tar:FILE, tar:- or dir:PATH
    pub destination: String,
    /// Memory for decompressed frames
    #[arg(long, value_name = "SIZE", default_value = "256M", value_parser = parse_size)]
    pub cache: u64,
    /// Threads, each busy with a blob of its own, for oci: [default: one per core]
    #[arg(long, short = 'j', value_name = "N")]
    pub threads: Option<usize>,
    /// Which filesystem; oci: and oci-archive: always take the whole image
    #[command(flatten)]
    pub platform: PlatformChoice,
}

/// `firn diff`
#[derive(Debug, ClapArgs)]
pub struct Diff {
    /// Name or digest of the first image
    pub first: String,
    /// Name or digest of the second image
    pub second: String,
    /// Only numbers: paths by what changed, bytes shared
    #[arg(long, group = "output")]
    pub stat: bool,
    /// Only the paths that differ
    #[arg(long, group = "output")]
    pub name_only: bool,
    /// Only A (added), D (removed), M (changed) or T (another type), and the path
    #[arg(long, group = "output")]
    pub name_status: bool,
    /// Exit with 1 if the images differ
    #[arg(long)]
    pub exit_code: bool,
    /// Do not compare these: type, content, mode, owner, time, xattrs, target, device, links
    #[arg(long, value_name = "WHAT", value_delimiter = ',')]
    pub ignore: Vec<firn_engine::diff::Kind>,
    /// Which filesystem of each
    #[command(flatten)]
    pub platform: PlatformChoice,
}

/// `firn verify`
#[derive(Debug, ClapArgs)]
pub struct Verify {
    /// Names or digests
    #[arg(required_unless_present = "all")]
    pub images: Vec<String>,
    /// Every image of the archive
    #[arg(long, conflicts_with = "images")]
    pub all: bool,
    /// Memory for decompressed frames
    #[arg(long, value_name = "SIZE", default_value = "256M", value_parser = parse_size)]
    pub cache: u64,
    /// Threads, each busy with a blob of its own [default: one per core]
    #[arg(long, short = 'j', value_name = "N")]
    pub threads: Option<usize>,
}

/// `firn index`
#[derive(Debug, Subcommand)]
pub enum Index {
    /// Make the index anew from the packs alone
    Rebuild,
}

/// Years: `5` or `5y`, 1 to 100.
fn parse_years(text: &str) -> Result<u32, String> {
    let years = text.strip_suffix('y').unwrap_or(text).parse().ok().filter(|years| (1..=100).contains(years));
    years.ok_or_else(|| format!("{text:?} is not 1y to 100y"))
}

/// An amount of dollars, 0 or more.
fn parse_dollars(text: &str) -> Result<f64, String> {
    let dollars = text.strip_prefix('$').unwrap_or(text).parse().ok();
    let dollars = dollars.filter(|dollars: &f64| dollars.is_finite() && *dollars >= 0.0);
    dollars.ok_or_else(|| format!("{text:?} is no amount of dollars, such as 0.50"))
}

/// An age in seconds: `90s`, `30m`, `12h`, `30d`, `4w`, `1y` (365 days).
pub fn parse_age(text: &str) -> Result<u64, String> {
    let wrong = || format!("{text:?} is no age such as 12h, 30d, 4w or 1y");
    let (number, unit) = text.split_at_checked(text.len().saturating_sub(1)).ok_or_else(wrong)?;
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 86_400,
        "w" => 7 * 86_400,
        "y" => 365 * 86_400,
        _ => return Err(wrong()),
    };
    number.parse::<u64>().ok().and_then(|number| number.checked_mul(seconds)).ok_or_else(wrong)
}

/// Reads `10s`, `2m`: how long something may take, a second at least and a day at most.
pub fn parse_time(text: &str) -> Result<std::time::Duration, String> {
    match parse_age(text)? {
        seconds @ 1..=86_400 => Ok(std::time::Duration::from_secs(seconds)),
        _ => Err("from 1s to 24h".to_owned()),
    }
}

/// Reads `64M`, `1G`, `4096`, `1.5GiB`: powers of 1024, as dd and qemu take them.
pub fn parse_size(text: &str) -> Result<u64, String> {
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let shift = match unit.trim().to_ascii_lowercase().trim_end_matches("ib").trim_end_matches('b') {
        "" => 0,
        "k" => 10,
        "m" => 20,
        "g" => 30,
        "t" => 40,
        _ => return Err(format!("'{unit}' is no unit: use K, M, G or T")),
    };
    if !number.contains('.') {
        let whole: u64 = number.parse().map_err(|_| format!("'{text}' is no size"))?;
        return whole.checked_mul(1 << shift).ok_or_else(|| "too large".to_owned());
    }
    let value: f64 = number.parse().map_err(|_| format!("'{text}' is no size"))?;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "saturates, and digits are never negative"
    )]
    let bytes = (value * f64::from(1u32 << (shift % 30)) * if shift >= 30 { f64::from(1 << 30) } else { 1.0 }) as u64;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        <Args as clap::CommandFactory>::command().debug_assert();
    }

    #[test]
    fn sizes() {
        assert_eq!(parse_size("4096"), Ok(4096));
        assert_eq!(parse_size("64M"), Ok(64 << 20));
        assert_eq!(parse_size("1.5GiB"), Ok(3 << 29));
        assert_eq!(parse_size("2T"), Ok(2 << 40));
        assert_eq!(parse_size("0.5k"), Ok(512));
        for bad in ["", "M", "1X", "-1", "99999999999999999999", "18446744073709551615G"] {
            assert!(parse_size(bad).is_err(), "{bad}");
        }
    }
}
