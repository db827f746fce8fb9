//! The command line.

use std::path::PathBuf;

use lexopt::prelude::*;

use crate::error::{Error, Result};

/// What `cargo xtask help` prints.
pub const HELP: &str = "\
cargo xtask COMMAND

  setup [--for demo|test|bench]      install what is missing (Debian, as root)
  demo                               archive, mount, read and restore a small image
  test [--quick]                     format, lints, all tests; unless --quick, real images end to end
  corpus [--dir DIR] [--small]       build the real images
  check-image --mounted DIR --image oci:DIR:TAG [--cache DIR]
                                     compare a mounted tree with `umoci unpack`
  compare-layouts oci:A:TAG oci:B:TAG
                                     compare every blob of a tag in two OCI layouts
  e2e [--dir DIR] [--firn PROGRAM] [--small] [--only TEXT] [--quick]
                                     the end-to-end checks
  kills [--rounds N] [--seed N] [--firn PROGRAM]
                                     kill -9 at random instants while packs move to a bucket and back
  flaky [--rounds N] [--seed N] [--firn PROGRAM]
                                     packs move to a bucket that errs, and back
  bench-peers [--dir DIR] [--out DIR] [--firn PROGRAM] [--quick] [--peers-only]
                                     firn, restic and borg on the same images
  bench-s3 [--out DIR] [--firn PROGRAM] [--rounds N] [--quick]
                                     firn and rclone with the same packs on the same server
  bench-mounts [--out DIR] [--firn PROGRAM] [--rounds N] [--quick]
                                     mounts, and the same files unpacked on this disk

The corpus lies in target/corpus, or where FIRN_CORPUS says.";

/// A parsed command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Print [`HELP`].
    Help,
    /// Install packages for a purpose.
    Setup {
        /// `demo`, `test` or `bench`.
        purpose: String,
    },
    /// The README's first command.
    Demo,
    /// The README's second command.
    Test {
        /// Leave the real images and the end-to-end checks out.
        quick: bool,
    },
    /// Build images.
    Corpus(Common),
    /// Compare a mount.
    CheckImage {
        /// The mounted tree.
        mounted: PathBuf,
        /// `oci:DIR:TAG`.
        image: String,
        /// Where the unpacked reference is kept.
        cache: Option<PathBuf>,
    },
    /// Compare two layouts.
    CompareLayouts {
        /// The reference.
        expected: String,
        /// The other side.
        found: String,
    },
    /// End-to-end checks.
    E2e(Common),
    /// Kills while packs move.
    Kills(Common),
    /// Faults while packs move.
    Flaky(Common),
    /// Comparison with peers.
    BenchPeers(Common),
    /// Comparison with a copying program.
    BenchS3(Common),
    /// Comparison with unpacked files.
    BenchMounts(Common),
}

/// Options that several commands share.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Common {
    /// Corpus directory.
    pub dir: Option<PathBuf>,
    /// Output directory.
    pub out: Option<PathBuf>,
    /// The program under test.
    pub firn: Option<PathBuf>,
    /// Two small images instead of the corpus.
    pub small: bool,
    /// Only part of the work.
    pub quick: bool,
    /// Without firn.
    pub peers_only: bool,
    /// Only checks whose name contains this.
    pub only: Option<String>,
    /// How often.
    pub rounds: Option<u64>,
    /// Where random choices start from.
    pub seed: Option<u64>,
}

/// Parses the arguments after the program's name.
///
/// # Errors
/// They are wrong; the message says how.
pub fn parse(args: impl IntoIterator<Item = std::ffi::OsString>) -> Result<Command> {
    let mut parser = lexopt::Parser::from_args(args);
    let Some(first) = parser.next()? else { return Ok(Command::Help) };
    let Value(name) = first else { return Ok(Command::Help) };
    match name.to_string_lossy().as_ref() {
        "help" => Ok(Command::Help),
        "setup" => setup(parser),
        "demo" => nothing_more(parser, Command::Demo),
        "test" => test(parser),
        "corpus" => Ok(Command::Corpus(common(parser, &["dir", "small"])?)),
        "check-image" => check_image(parser),
        "compare-layouts" => compare_layouts(parser),
        "e2e" => Ok(Command::E2e(common(parser, &["dir", "firn", "small", "only", "quick"])?)),
        "kills" => Ok(Command::Kills(common(parser, &["firn", "rounds", "seed"])?)),
        "flaky" => Ok(Command::Flaky(common(parser, &["firn", "rounds", "seed"])?)),
        "bench-peers" => Ok(Command::BenchPeers(common(parser, &["dir", "out", "firn", "quick", "peers-only"])?)),
        "bench-s3" => Ok(Command::BenchS3(common(parser, &["out", "firn", "rounds", "quick"])?)),
        "bench-mounts" => Ok(Command::BenchMounts(common(parser, &["out", "firn", "rounds", "quick"])?)),
        other => Err(Error::Usage(format!("no command `{other}`; see `cargo xtask help`"))),
    }
}

fn nothing_more(mut parser: lexopt::Parser, command: Command) -> Result<Command> {
    match parser.next()? {
        Some(arg) => Err(arg.unexpected().into()),
        None => Ok(command),
    }
}

fn setup(mut parser: lexopt::Parser) -> Result<Command> {
    let mut purpose = "test".to_owned();
    while let Some(arg) = parser.next()? {
        match arg {
            Long("for") => purpose = parser.value()?.string()?,
            other => return Err(other.unexpected().into()),
        }
    }
    Ok(Command::Setup { purpose })
}

fn test(mut parser: lexopt::Parser) -> Result<Command> {
    let mut quick = false;
    while let Some(arg) = parser.next()? {
        match arg {
            Long("quick") => quick = true,
            other => return Err(other.unexpected().into()),
        }
    }
    Ok(Command::Test { quick })
}

fn check_image(mut parser: lexopt::Parser) -> Result<Command> {
    let (mut mounted, mut image, mut cache) = (None, None, None);
    while let Some(arg) = parser.next()? {
        match arg {
            Long("mounted") => mounted = Some(parser.value()?.into()),
            Long("image") => image = Some(parser.value()?.string()?),
            Long("cache") => cache = Some(parser.value()?.into()),
            other => return Err(other.unexpected().into()),
        }
    }
    match (mounted, image) {
        (Some(mounted), Some(image)) => Ok(Command::CheckImage { mounted, image, cache }),
        _ => Err(Error::Usage("check-image needs --mounted DIR and --image oci:DIR:TAG".into())),
    }
}

fn compare_layouts(mut parser: lexopt::Parser) -> Result<Command> {
    let mut values = Vec::new();
    while let Some(arg) = parser.next()? {
        match arg {
            Value(value) => values.push(value.string()?),
            other => return Err(other.unexpected().into()),
        }
    }
    match <[String; 2]>::try_from(values) {
        Ok([expected, found]) => Ok(Command::CompareLayouts { expected, found }),
        Err(_) => Err(Error::Usage("compare-layouts needs two references, oci:DIR:TAG each".into())),
    }
}

fn common(mut parser: lexopt::Parser, allowed: &[&str]) -> Result<Common> {
    let mut common = Common::default();
    while let Some(arg) = parser.next()? {
        let Long(name) = arg else { return Err(arg.unexpected().into()) };
        let name = name.to_owned();
        if !allowed.contains(&name.as_str()) {
            return Err(Error::Usage(format!("no option --{name} here; see `cargo xtask help`")));
        }
        match name.as_str() {
            "dir" => common.dir = Some(parser.value()?.into()),
            "out" => common.out = Some(parser.value()?.into()),
            "firn" => common.firn = Some(parser.value()?.into()),
            "only" => common.only = Some(parser.value()?.string()?),
            "rounds" => common.rounds = Some(parser.value()?.parse()?),
            "seed" => common.seed = Some(parser.value()?.parse()?),
            "small" => common.small = true,
            "quick" => common.quick = true,
            _ => common.peers_only = true,
        }
    }
    Ok(common)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Command> {
        parse(line.split_whitespace().map(Into::into))
    }

    #[test]
    fn options_reach_their_command() {
        let common = Common { small: true, dir: Some("d".into()), ..Common::default() };
        assert_eq!(parsed("corpus --small --dir d").unwrap(), Command::Corpus(common));
        let check = Command::CheckImage { mounted: "m".into(), image: "oci:l:t".into(), cache: None };
        assert_eq!(parsed("check-image --image=oci:l:t --mounted m").unwrap(), check);
        assert_eq!(parsed("").unwrap(), Command::Help);
    }

    #[test]
    fn what_does_not_belong_is_refused() {
        for line in ["corpus --quick", "demo x", "compare-layouts oci:a:b", "check-image --mounted m", "fly"] {
            assert!(matches!(parsed(line), Err(Error::Usage(_))), "{line}");
        }
    }
}
