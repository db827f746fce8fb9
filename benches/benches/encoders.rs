//! The re-encoders against the programs they imitate, at every level, on the same tars in the same run:
//! `cargo bench -p firn-benches --bench encoders -- LAYER.tar…`. Programs that the machine lacks are left out and named; the Go
//! ones are built from `peers/` with Debian's `golang-go`, `golang-github-klauspost-compress-dev` and `…-pgzip-dev`.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::AtomicBool;

use firn_engine::codec::{DecodeLimits, decoder};
use firn_engine::recompress::{DetectLimits, Encoder, Recipe, detect};

/// A program that writes gzip or zstd, and how it is told a level.
struct Peer {
    name: String,
    program: Vec<String>,
    levels: u32,
}

/// Levels of gzip, and of what has most.
const LEVELS: u32 = 9;
/// Levels of klauspost's zstd.
const GO_ZSTD_LEVELS: u32 = 4;

/// What came of one tar at one level.
#[derive(Default)]
struct Cell {
    tars: u32,
    exact: u32,
    blob_bytes: u64,
    recipe_bytes: u64,
    theirs: f64,
    ours: f64,
}

fn main() {
    let tars: Vec<PathBuf> = std::env::args().skip(1).filter(|arg| !arg.starts_with('-')).map(PathBuf::from).collect();
    assert!(!tars.is_empty(), "give the tar files of some layers");
    let scratch = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    let total: u64 = tars.iter().map(|tar| tar.metadata().unwrap().len()).sum();
    println!(
        "{} tars, {:.1} MB; share re-created exactly and speed against the program (user time)\n",
        tars.len(),
        mb(total)
    );
    println!("| program | {} |", (1..=LEVELS).map(|level| level.to_string()).collect::<Vec<_>>().join(" | "));
    println!("|---|{}", "---|".repeat(9));
    let mut overhead = (0, 0);
    for peer in peers(&scratch) {
        let mut row = format!("| {} |", peer.name);
        for level in 1..=peer.levels {
            let mut cell = Cell::default();
            tars.iter().for_each(|tar| measure(&peer, level, tar, &scratch, &mut cell));
            row.push_str(&format!(" {} |", cell.show()));
            overhead = (overhead.0 + cell.recipe_bytes, overhead.1 + cell.blob_bytes);
        }
        println!("{row}{}", " – |".repeat((LEVELS - peer.levels) as usize));
    }
    println!("\nrecipes: {} bytes for {:.1} MB of blobs", overhead.0, mb(overhead.1));
}

fn mb(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

impl Cell {
    fn show(&self) -> String {
        let speed = if self.exact == 0 { "–".to_owned() } else { format!("{:.2}×", self.theirs / self.ours) };
        if self.exact == self.tars { speed } else { format!("{} of {}, {speed}", self.exact, self.tars) }
    }
}

fn measure(peer: &Peer, level: u32, tar: &Path, scratch: &Path, cell: &mut Cell) {
    let blob_path = scratch.join("blob.gz");
    let theirs = compress(peer, level, tar, &blob_path);
    let len = blob_path.metadata().unwrap().len();
    let open = || File::open(&blob_path).map(|file| Box::new(file) as Box<dyn Read + Send>);
    let limits = DetectLimits { threads: 2, ..DetectLimits::default() };
    let detection = detect(&open, len, limits, &AtomicBool::new(false)).unwrap();
    cell.tars += 1;
    cell.blob_bytes += len;
    if let Some(recipe) = detection.recipe {
        cell.exact += 1;
        cell.recipe_bytes += recipe.encode().len() as u64;
        cell.theirs += theirs;
        cell.ours += re_encode(&recipe, &blob_path);
    }
}

/// User seconds of the program.
fn compress(peer: &Peer, level: u32, tar: &Path, blob: &Path) -> f64 {
    let times = blob.with_extension("time");
    let arguments = peer.program.iter().map(|word| word.replace("LEVEL", &level.to_string()));
    let status = Command::new("/usr/bin/time")
        .args(["-q", "-f", "%U", "-o"])
        .arg(&times)
        .args(arguments)
        .stdin(Stdio::from(File::open(tar).unwrap()))
        .stdout(Stdio::from(File::create(blob).unwrap()))
        .status()
        .expect("GNU time");
    assert!(status.success(), "{} failed", peer.name);
    std::fs::read_to_string(times).unwrap().trim().parse().unwrap()
}

/// User seconds of this thread for writing the blob again, CRC and all; the tar is decoded before.
fn re_encode(recipe: &Recipe, blob: &Path) -> f64 {
    let mut tar = Vec::new();
    decoder(File::open(blob).unwrap(), DecodeLimits::default()).unwrap().read_to_end(&mut tar).unwrap();
    let before = user_seconds();
    let mut encoder = Encoder::new(recipe, std::io::sink());
    tar.chunks(64 << 10).for_each(|piece| encoder.write_all(piece).unwrap());
    encoder.finish().unwrap();
    user_seconds() - before
}

fn user_seconds() -> f64 {
    // SAFETY: `rusage` is made of numbers, and getrusage fills the one it is given.
    let usage = unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        assert_eq!(libc::getrusage(libc::RUSAGE_THREAD, &mut usage), 0);
        usage
    };
    usage.ru_utime.tv_sec as f64 + usage.ru_utime.tv_usec as f64 / 1e6
}

/// The programs that are here.
fn peers(scratch: &Path) -> Vec<Peer> {
    let script = "import gzip,shutil,sys
with gzip.GzipFile('', 'wb', LEVEL, sys.stdout.buffer, 0) as out: shutil.copyfileobj(sys.stdin.buffer, out, 65536)";
    let known: [(&str, &str, &[&str]); 4] = [
        ("GNU gzip", "gzip", &["-nLEVEL"]),
        ("pigz", "pigz", &["-nLEVEL"]),
        ("pigz -p 1", "pigz", &["-p", "1", "-nLEVEL"]),
        ("zlib (Python)", "python3", &["-c", script]),
    ];
    let mut peers = Vec::new();
    for (name, program, words) in known {
        let is_here = Command::new(program).arg("--version").output().is_ok_and(|output| output.status.success());
        if is_here {
            let words = words.iter().map(|word| (*word).to_owned());
            let program = std::iter::once(program.to_owned()).chain(words).collect();
            peers.push(Peer { name: name.to_owned(), program, levels: LEVELS });
        } else {
            eprintln!("{program} is not here: its row is left out");
        }
    }
    let version = |package: &str| {
        let output = Command::new("dpkg-query").args(["-W", "-f", "${Version}", package]).output();
        output.map_or_else(|_| String::new(), |output| String::from_utf8_lossy(&output.stdout).into_owned())
    };
    for (name, source, words, package) in [
        ("Go compress/gzip", "stdgzip", &["LEVEL"][..], "golang-go"),
        ("klauspost gzip", "klauspost", &["gzip", "LEVEL"], "golang-github-klauspost-compress-dev"),
        ("klauspost pgzip", "klauspost", &["pgzip", "LEVEL"], "golang-github-klauspost-compress-dev"),
        ("klauspost zstd", "klauspost", &["zstd", "LEVEL"], "golang-github-klauspost-compress-dev"),
    ] {
        let binary = scratch.join(source);
        let built = Command::new("go")
            .args(["build", "-o"])
            .arg(&binary)
            .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("peers").join(source).join("main.go"))
            .env("GO111MODULE", "off")
            .env("GOPATH", "/usr/share/gocode")
            .status();
        if built.is_ok_and(|status| status.success()) {
            let words = words.iter().map(|word| (*word).to_owned());
            let program = std::iter::once(binary.display().to_string()).chain(words).collect();
            let levels = if name.ends_with("zstd") { GO_ZSTD_LEVELS } else { LEVELS };
            peers.push(Peer { name: format!("{name} ({})", version(package)), program, levels });
        } else {
            eprintln!("{name} can't be built: its row is left out");
        }
    }
    peers
}
