//! Recipes in words.

use std::fmt;

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
        }
    }
}
