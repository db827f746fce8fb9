//! Recipes in words.

use std::collections::BTreeSet;
use std::fmt;

use super::kflate::{Framing, Params as KlauspostParams, Revision as KlauspostRevision};
use super::{Amendment, DeflateEncoder, KlauspostZstdRelease, LibzstdFlag, Recipe, ZstdEncoder, ZstdPart};

impl fmt::Display for Recipe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Recipe::Identity => f.write_str("not compressed"),
            Recipe::Gzip(gzip) => summarise(f, gzip.members.iter().map(|member| member.encoder.to_string()), "members"),
            Recipe::Amended(amended) => {
                let members = &amended.gzip.members;
                summarise(f, members.iter().map(|member| member.encoder.to_string()), "members")?;
                if amended.is_exact() {
                    return Ok(());
                }
                let all = || amended.amendments.iter().map(|(_, amendments)| amendments);
                let flushes = all().flat_map(|a| &a.list).filter(|a| matches!(a, Amendment::Flush { .. })).count();
                let slides: usize = all().map(|amendments| amendments.slides.len()).sum();
                let kept: u64 = all().map(|amendments| amendments.stretched_bytes()).sum();
                f.write_str(", amended:")?;
                let parts = [(flushes as u64, "flushes"), (slides as u64, "early slides"), (kept, "bytes kept")];
                let mut parts = parts.into_iter().filter(|(count, _)| *count > 0);
                if let Some((count, what)) = parts.next() {
                    write!(f, " {count} {what}")?;
                }
                parts.try_for_each(|(count, what)| write!(f, ", {count} {what}"))
            }
            Recipe::Zstd(zstd) => {
                let encoders = zstd.parts.iter().filter_map(|part| match part {
                    ZstdPart::Frame { encoder, .. } => Some(encoder.to_string()),
                    ZstdPart::Literal(_) => None,
                });
                summarise(f, encoders, "frames")
            }
        }
    }
}

/// One encoder by name, several by number, and how many streams they wrote.
fn summarise(f: &mut fmt::Formatter<'_>, encoders: impl Iterator<Item = String>, streams: &str) -> fmt::Result {
    let (mut count, mut different) = (0usize, BTreeSet::new());
    for encoder in encoders {
        count += 1;
        different.insert(encoder);
    }
    match (different.first(), different.len()) {
        (None, _) => write!(f, "no {streams}"),
        (Some(one), 1) if count == 1 => f.write_str(one),
        (Some(one), 1) => write!(f, "{one}, {count} {streams}"),
        (_, several) => write!(f, "{several} settings, {count} {streams}"),
    }
}

impl fmt::Display for ZstdEncoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ZstdEncoder::Libzstd(params) => {
                match params.level() {
                    level @ 1.. => write!(f, "zstd -{level}")?,
                    level => write!(f, "zstd --fast={}", level.unsigned_abs())?,
                }
                if let Some(window) = params.long_window() {
                    write!(f, " --long={window}")?;
                }
                f.write_str(if params.has(LibzstdFlag::Workers) { "" } else { " --single-thread" })?;
                f.write_str(if params.has(LibzstdFlag::Unsplit) { " (before 1.5.7)" } else { "" })
            }
            ZstdEncoder::Klauspost(params) => {
                let release = match params.release() {
                    KlauspostZstdRelease::V1_15 => "1.15",
                    KlauspostZstdRelease::V1_18 => "1.18",
                    KlauspostZstdRelease::V1_20 => "1.20",
                };
                write!(f, "klauspost zstd {release} level {}", params.level())
            }
        }
    }
}

impl fmt::Display for DeflateEncoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DeflateEncoder::Zlib(params) => {
                write!(f, "zlib -{}", params.level())?;
                if params.mem_level() == 8 { Ok(()) } else { write!(f, " (memLevel {})", params.mem_level()) }
            }
            DeflateEncoder::Go(level) if level.get() == -2 => f.write_str("Go HuffmanOnly"),
            DeflateEncoder::Go(level) => write!(f, "Go -{}", level.get()),
            DeflateEncoder::GnuGzip { level, rsyncable } => {
                write!(f, "GNU gzip -{level}{}", if *rsyncable { " --rsyncable" } else { "" })
            }
            DeflateEncoder::Miniz(level) => write!(f, "miniz_oxide -{level}"),
            DeflateEncoder::Klauspost(params) => {
                let (name, release) = match (params.framing(), params.revision()) {
                    (_, KlauspostRevision::Go1_27) => ("Go 1.27", None),
                    (Framing::Plain, KlauspostRevision::V1_15) => ("klauspost", None),
                    (Framing::Plain, KlauspostRevision::V1_18) => ("klauspost 1.18", None),
                    (Framing::Plain, KlauspostRevision::V1_20) => ("klauspost 1.20", None),
                    (Framing::Parallel(_), KlauspostRevision::V1_15) => ("pgzip", None),
                    (Framing::Parallel(_), KlauspostRevision::V1_18) => ("pgzip", Some("klauspost 1.18")),
                    (Framing::Parallel(_), KlauspostRevision::V1_20) => ("pgzip", Some("klauspost 1.20")),
                };
                match params.level() {
                    KlauspostParams::HUFFMAN_ONLY => write!(f, "{name} HuffmanOnly")?,
                    level => write!(f, "{name} -{level}")?,
                }
                let blocks = match params.framing() {
                    Framing::Parallel(part) if part != 1 << 20 => Some(format!("blocks of {} KiB", part >> 10)),
                    Framing::Parallel(_) | Framing::Plain => None,
                };
                let notes: Vec<String> = [blocks, release.map(str::to_owned)].into_iter().flatten().collect();
                if notes.is_empty() { Ok(()) } else { write!(f, " ({})", notes.join(", ")) }
            }
            DeflateEncoder::Pigz(params) => {
                write!(f, "pigz -{}", params.level)?;
                if params.block_len != 128 << 10 {
                    write!(f, " -b {}", params.block_len >> 10)?;
                }
                let options = [
                    (params.independent, " --independent"),
                    (params.rsyncable, " --rsyncable"),
                    (params.single_thread, " -p 1"),
                ];
                options.into_iter().filter(|(is_set, _)| *is_set).try_for_each(|(_, text)| f.write_str(text))
            }
        }
    }
}
