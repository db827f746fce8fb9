//! Recipes in words.

use std::fmt;

use super::kflate::{Framing, Params as KlauspostParams};
use super::{DeflateEncoder, Recipe};

impl fmt::Display for Recipe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Recipe::Identity => f.write_str("not compressed"),
            Recipe::Gzip(gzip) => {
                let mut encoders: Vec<String> = gzip.members.iter().map(|member| member.encoder.to_string()).collect();
                encoders.dedup();
                match (encoders.as_slice(), gzip.members.len()) {
                    ([one], 1) => f.write_str(one),
                    ([one], members) => write!(f, "{one}, {members} members"),
                    (several, members) => write!(f, "{} settings, {members} members", several.len()),
                }
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
            DeflateEncoder::Klauspost(params) => {
                let name = match params.framing() {
                    Framing::Plain => "klauspost",
                    Framing::Parallel(_) => "pgzip",
                };
                match params.level() {
                    KlauspostParams::HUFFMAN_ONLY => write!(f, "{name} HuffmanOnly")?,
                    level => write!(f, "{name} -{level}")?,
                }
                match params.framing() {
                    Framing::Parallel(part) if part != 1 << 20 => write!(f, " (blocks of {} KiB)", part >> 10),
                    Framing::Parallel(_) | Framing::Plain => Ok(()),
                }
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
