//! Records golden streams of klauspost's deflate and of Go's own since 1.27: `golden_klauspost ORACLE-1.15 ORACLE-1.18
//! ORACLE-1.20 ORACLE-GO`, with programs made of `oracle.go` and `oracle_go.go` of `testdata/recompress/klauspost`, in that
//! folder. With `--compare SEED COUNT FILE…` behind them, compares instead: so many streams of made data and of parts of the
//! files, which the programs get in writes of random sizes.
#![allow(missing_docs, dead_code)]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::print_stdout, clippy::cast_possible_truncation)]

use std::fmt::Write as _;
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::sync::Arc;

use firn_engine::recompress::{
    AmendedRecipe, Amendment, Amendments, DeflateEncoder, Encoder, Flush, GzipRecipe, KlauspostFraming,
    KlauspostParams, KlauspostRevision, Member, Recipe, Trailing,
};
use pieces::{Noise, Piece, build};

#[path = "../src/recompress/coding/samples.rs"]
mod pieces;
mod recompress {
    pub mod coding {
        pub(crate) use crate::pieces as samples;
    }
}
#[path = "../src/recompress/kflate/samples.rs"]
mod samples;

/// The oracle of Go.
const GO: usize = 3;
const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];

/// In writes of `write` bytes, 0 for random ones, and flushed behind so many bytes, over and over, if any.
fn run(oracle: &str, part: u32, level: i8, write: usize, flushes: &[usize], data: &[u8]) -> Vec<u8> {
    let mut command = Command::new(oracle);
    command.args(["-l", &level.to_string(), "-w", &write.to_string()]);
    if part > 0 {
        command.args(["-b", &part.to_string()]);
    }
    if !flushes.is_empty() {
        command.args(["-f", &flushes.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")]);
    }
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let output = std::thread::scope(|scope| {
        scope.spawn(move || stdin.write_all(data).unwrap());
        child.wait_with_output().unwrap()
    });
    assert!(output.status.success(), "{oracle} -b {part} -l {level}");
    // pgzip writes a member, the others a raw stream.
    let stream = output.stdout;
    if part > 0 { stream[HEADER.len()..stream.len() - 8].to_vec() } else { stream }
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (oracles, rest) = arguments.split_at(4);
    match rest {
        [] => record(oracles),
        [compare, seed, count, files @ ..] if compare == "--compare" => {
            let files: Vec<Vec<u8>> = files.iter().map(|file| std::fs::read(file).unwrap()).collect();
            self::compare(oracles, seed.parse().unwrap(), count.parse().unwrap(), &files);
        }
        _ => panic!("unknown arguments"),
    }
}

fn record(oracles: &[String]) {
    const WRITE: usize = 1 << 16;
    let recorded = samples::recorded();
    for level in 1..=9 {
        let mut before = Vec::new();
        for (oracle, name) in oracles.iter().zip(["", "-1.18", "-1.20"]) {
            let stream = run(oracle, 70_000, level, WRITE, &[], &recorded);
            if stream != before {
                std::fs::write(format!("level{level}{name}.deflate"), &stream).unwrap();
            }
            before = stream;
        }
    }
    for level in [6, 9] {
        std::fs::write(format!("level{level}-go1.27.deflate"), run(&oracles[GO], 0, level, WRITE, &[], &recorded))
            .unwrap();
    }
    let mut lines = String::new();
    for (number, input) in samples::hashed().iter().enumerate() {
        for part in samples::PARTS {
            for level in samples::LEVELS {
                write!(lines, "{number} {part} {level}").unwrap();
                let oracles = if part == 0 { oracles } else { &oracles[..GO] };
                write_each(&mut lines, oracles.iter().map(|oracle| run(oracle, part, level, WRITE, &[], input)));
            }
        }
    }
    std::fs::write("streams.txt", lines).unwrap();
    let mut lines = String::new();
    for (number, input) in samples::hashed().iter().enumerate().filter(|(_, input)| input.len() > 80_000) {
        for (plan, flushes) in samples::FLUSHES.iter().enumerate() {
            for level in samples::LEVELS {
                write!(lines, "{number} {plan} {level}").unwrap();
                let streams = oracles.iter().map(|oracle| run(oracle, 0, level, WRITE, flushes, input));
                write_each(&mut lines, streams);
            }
        }
    }
    std::fs::write("flushes.txt", lines).unwrap();
}

/// Ends a line with the length and hash of each stream, or `=` if it is the one before again.
fn write_each(lines: &mut String, streams: impl Iterator<Item = Vec<u8>>) {
    let mut before = String::new();
    for stream in streams {
        let now = format!("{}:{:016x}", stream.len(), samples::hash(&stream));
        write!(lines, " {}", if now == before { "=" } else { &now }).unwrap();
        before = now;
    }
    lines.push('\n');
}

fn compare(oracles: &[String], seed: u64, count: u64, files: &[Vec<u8>]) {
    let mut wrong = 0;
    let mut streams = [[0u32; 12]; 4];
    for number in 0..count {
        let mut noise = Noise(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(2 * number) | 1);
        for _ in 0..8 {
            noise.next();
        }
        let data = made(&mut noise, files);
        let revision = noise.below(4);
        let part = match noise.below(4) {
            0 | 1 => 0,
            2 => 16_385 + noise.below(200_000) as u32,
            _ => 256 << 10,
        };
        let part = if revision == GO { 0 } else { part };
        let level = samples::LEVELS[noise.below(samples::LEVELS.len())];
        let write = [0, 0, 0, 32 << 10, 1 << 30][noise.below(5)];
        let flushes: Vec<usize> = match (part, noise.below(3)) {
            (0, 0) => (0..1 + noise.below(12)).map(|_| up_to(&mut noise, 17)).chain([1000]).collect(),
            _ => Vec::new(),
        };
        let theirs = run(&oracles[revision], part, level, write, &flushes, &data);
        let ours = encode(part, level, KlauspostRevision::ALL[revision], &flushes, &data);
        streams[revision][(level + 2) as usize] += 1;
        if theirs != ours {
            wrong += 1;
            let at = theirs.iter().zip(&ours).take_while(|(a, b)| a == b).count();
            let len = data.len();
            println!("{number}: {revision}, level {level}, part {part}, {len} bytes, {flushes:?}: differ at {at}");
        }
    }
    println!("{wrong} of {count} differ; streams by revision and level (-2, -1, 0, ...): {streams:?}");
}

/// Of any order of magnitude below 2^(`bits` + 1).
fn up_to(noise: &mut Noise, bits: usize) -> usize {
    let limit = 2 << noise.below(bits + 1);
    noise.below(limit)
}

fn made(noise: &mut Noise, files: &[Vec<u8>]) -> Vec<u8> {
    let mut data = Vec::new();
    for _ in 0..1 + noise.below(5) {
        if !files.is_empty() && noise.below(2) == 0 {
            let file = &files[noise.below(files.len())];
            let from = noise.below(file.len());
            let len = up_to(noise, 20);
            data.extend(&file[from..file.len().min(from + len)]);
        } else {
            let len = up_to(noise, 18);
            let piece = match noise.below(8) {
                0 => Piece::Random(len),
                1 => Piece::FewSymbols(1 + noise.below(250), len),
                2 => Piece::Steep(len),
                3 => Piece::Words(len),
                4 => Piece::Run(noise.below(256) as u8, len),
                5 => Piece::Period(1 + up_to(noise, 16), len),
                6 => Piece::Tar(len),
                _ => {
                    let back = (1 + up_to(noise, 16)).min(data.len().max(1));
                    let from = data.len().saturating_sub(back);
                    let copy: Vec<u8> =
                        data[from..].iter().copied().cycle().take(if data.is_empty() { 0 } else { len }).collect();
                    data.extend(copy);
                    continue;
                }
            };
            data.extend(build(&[piece], noise.next()));
        }
    }
    if noise.below(3) == 0 {
        // About the limits of blocks, windows and what is written without a search.
        let limit = [65_535, 65_536, 32_768, 131_070, 196_605, 327_675][noise.below(6)];
        let len = limit + [0, 12, 32, 127, 258, 262][noise.below(6)] + noise.below(5);
        data.truncate(len.saturating_sub(2));
    }
    data
}

fn encode(part: u32, level: i8, revision: KlauspostRevision, flushes: &[usize], data: &[u8]) -> Vec<u8> {
    let framing = if part == 0 { KlauspostFraming::Plain } else { KlauspostFraming::Parallel(part) };
    let encoder = DeflateEncoder::Klauspost(KlauspostParams::new(framing, level, revision).unwrap());
    let members = vec![Member { header: Arc::from(HEADER), encoder, len: data.len() as u64 }];
    let gzip = GzipRecipe { members, trailing: Trailing::default() };
    let (mut list, mut at) = (Vec::new(), 0);
    for &distance in flushes.iter().cycle() {
        if at == data.len() {
            break;
        }
        at = data.len().min(at + distance);
        list.push(Amendment::Flush { at: at as u64, kind: Flush::Sync });
    }
    let recipe = if list.is_empty() {
        Recipe::Gzip(gzip)
    } else {
        let amendments = vec![(0, Arc::new(Amendments { slides: Vec::new(), list }))];
        Recipe::Amended(AmendedRecipe { gzip, amendments })
    };
    let mut encoder = Encoder::new(&recipe, Vec::new());
    encoder.write_all(data).unwrap();
    let blob = encoder.finish().unwrap();
    blob[HEADER.len()..blob.len() - 8].to_vec()
}
