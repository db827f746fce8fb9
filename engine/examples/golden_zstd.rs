//! Records golden streams of klauspost's zstd: `golden_zstd ORACLE-1.15 ORACLE-1.18 ORACLE-1.20`, with programs made of
//! `testdata/recompress/klauspost-zstd/oracle.go`, in that folder.
#![allow(missing_docs, clippy::unwrap_used, clippy::indexing_slicing, dead_code)]

use std::fmt::Write as _;
use std::io::Write as _;
use std::process::{Command, Stdio};

#[path = "../src/recompress/coding/samples.rs"]
mod pieces;
mod recompress {
    pub mod coding {
        pub(crate) use crate::pieces as samples;
    }
}
#[path = "../src/recompress/zstd/klauspost/samples.rs"]
mod samples;

fn run(oracle: &str, level: u32, flush: bool, data: &[u8]) -> Vec<u8> {
    let mut command = Command::new(oracle);
    command.args(["-l", &level.to_string()]).args(flush.then_some("-f"));
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(data).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    output.stdout
}

fn main() {
    let oracles: Vec<String> = std::env::args().skip(1).collect();
    let recorded = samples::recorded();
    let inputs = samples::hashed();
    for level in 1..=4 {
        let mut before = Vec::new();
        for (oracle, name) in oracles.iter().zip(["1.15", "1.18", "1.20"]) {
            let stream = run(oracle, level, false, &recorded);
            if stream != before {
                std::fs::write(format!("level{level}-{name}.zst"), &stream).unwrap();
            }
            before = stream;
        }
    }
    let mut lines = String::new();
    for (number, input) in inputs.iter().enumerate() {
        for level in 1..=4 {
            for flush in [false, true] {
                write!(lines, "{number} {level} {}", if flush { "f" } else { "-" }).unwrap();
                for oracle in &oracles {
                    let stream = run(oracle, level, flush, input);
                    write!(lines, " {} {:016x}", stream.len(), samples::hash(&stream)).unwrap();
                }
                lines.push('\n');
            }
        }
    }
    std::fs::write("streams.txt", lines).unwrap();
}
