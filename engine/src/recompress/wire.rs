//! Recipes as bytes: FORMAT.md.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;

use super::DeflateEncoder;
pub(super) use super::deflate::MAX_PARAMS;
use super::deflate::WireFault;
use super::near::{self, MAX_AMENDED_RECIPE};
use super::recipe::{
    AmendedRecipe, GzipRecipe, MAX_MEMBERS, MAX_PADDING, MAX_RECIPE, MAX_TRAILING, Member, Recipe, Trailing,
};
use super::zstd::{self, MAX_ZSTD_RECIPE};

const VERSION: u8 = 1;
const IDENTITY: u8 = 0;
const GZIP: u8 = 1;
const ZSTD: u8 = 2;
const AMENDED: u8 = 3;
/// Shortest gzip header.
const MIN_HEADER: usize = 10;

/// Why bytes are not a recipe this firn can carry out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RecipeError {
    /// Longer than any recipe.
    #[error("a compression recipe of {len} bytes is over the limit of {limit}")]
    TooLong {
        /// Its length in bytes.
        len: usize,
        /// What a recipe of its kind may have.
        limit: usize,
    },
    /// Written by a later version.
    #[error("a compression recipe needs {what} {id}, which this firn does not have; a newer firn is needed")]
    NeedsNewer {
        /// What is unknown: `format version`, `kind` or `encoder`.
        what: &'static str,
        /// Its number; of an encoder the id in the high 16 bits and the version in the low ones.
        id: u32,
    },
    /// Not a recipe.
    #[error("a compression recipe is damaged: {0}")]
    Damaged(&'static str),
}

impl Recipe {
    /// The recipe's bytes if they can be read back: a recipe that cannot is none.
    pub(super) fn encode_readable(&self) -> Option<Vec<u8>> {
        let bytes = self.encode();
        Self::decode(&bytes).is_ok_and(|read| read == *self).then_some(bytes)
    }

    /// The recipe's bytes. They may be over [`MAX_RECIPE`], [`MAX_AMENDED_RECIPE`] or [`MAX_ZSTD_RECIPE`], and then `decode` refuses them.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        match self {
            Self::Identity => vec![VERSION, IDENTITY],
            Self::Gzip(gzip) => {
                let mut out = vec![VERSION, GZIP];
                encode_gzip(gzip, &mut out);
                out
            }
            Self::Amended(amended) => {
                let mut out = vec![VERSION, AMENDED];
                encode_amended(amended, &mut out);
                out
            }
            Self::Zstd(zstd) => {
                let mut out = vec![VERSION, ZSTD];
                zstd::encode(zstd, &mut out);
                out
            }
        }
    }

    /// Reads what [`encode`](Self::encode) wrote; there is exactly one encoding of a recipe.
    ///
    /// # Errors
    /// Damage, and versions or encoders that only a newer firn knows.
    pub fn decode(bytes: &[u8]) -> Result<Self, RecipeError> {
        let limit = match bytes.get(1) {
            Some(&ZSTD) => MAX_ZSTD_RECIPE,
            Some(&AMENDED) => MAX_AMENDED_RECIPE,
            _ => MAX_RECIPE,
        };
        if bytes.len() > limit {
            return Err(RecipeError::TooLong { len: bytes.len(), limit });
        }
        let mut reader = Reader(bytes);
        let version = reader.byte()?;
        if version != VERSION {
            return Err(RecipeError::NeedsNewer { what: "format version", id: version.into() });
        }
        let recipe = match reader.byte()? {
            IDENTITY => Self::Identity,
            GZIP => Self::Gzip(decode_gzip(&mut reader)?),
            AMENDED => Self::Amended(decode_amended(&mut reader)?),
            ZSTD => Self::Zstd(zstd::decode(&mut reader)?),
            kind => {
                return Err(RecipeError::NeedsNewer { what: "kind", id: kind.into() });
            }
        };
        // Covers bytes left over, numbers longer than need be and tables with idle or repeated rows.
        if recipe.encode() != bytes {
            return Err(RecipeError::Damaged("not in canonical form"));
        }
        Ok(recipe)
    }
}

fn encode_gzip(gzip: &GzipRecipe, out: &mut Vec<u8>) {
    let mut headers = Table::default();
    let mut encoders = Table::default();
    let mut members = Vec::new();
    for member in &gzip.members {
        put(&mut members, headers.row(&*member.header));
        put(&mut members, encoders.row(member.encoder));
        put(&mut members, member.len);
    }
    put(out, headers.rows.len() as u64);
    for header in headers.rows {
        put(out, header.len() as u64);
        out.extend_from_slice(header);
    }
    put(out, encoders.rows.len() as u64);
    for encoder in encoders.rows {
        let (id, version, params) = encoder.to_wire();
        out.extend_from_slice(&id.to_le_bytes());
        out.extend_from_slice(&version.to_le_bytes());
        put(out, params.len() as u64);
        out.extend_from_slice(&params);
    }
    put(out, gzip.members.len() as u64);
    out.extend_from_slice(&members);
    put(out, gzip.trailing.literal.len() as u64);
    out.extend_from_slice(&gzip.trailing.literal);
    put(out, gzip.trailing.zeros);
}

fn encode_amended(amended: &AmendedRecipe, out: &mut Vec<u8>) {
    encode_gzip(&amended.gzip, out);
    put(out, amended.amendments.len() as u64);
    let mut next = 0u64;
    for (member, amendments) in &amended.amendments {
        put(out, u64::from(*member).wrapping_sub(next));
        next = u64::from(*member) + 1;
        near::encode(amendments, out);
    }
}

fn decode_amended(reader: &mut Reader<'_>) -> Result<AmendedRecipe, RecipeError> {
    let gzip = decode_gzip(reader)?;
    let mut next = 0u64;
    let amendments = reader.table(|r| {
        let member = next.checked_add(r.number()?).filter(|&member| member < gzip.members.len() as u64);
        let member = member.ok_or(RecipeError::Damaged("amendments of a member that is not there"))?;
        next = member + 1;
        let number = u32::try_from(member).map_err(|_| RecipeError::Damaged("no such row"))?;
        let amendments = near::decode(r)?;
        let member = gzip.members.get(number as usize).ok_or(RecipeError::Damaged("no such row"))?;
        if !amendments.suit(member.encoder) {
            return Err(RecipeError::Damaged("amendments that the encoder cannot have"));
        }
        Ok((number, Arc::new(amendments)))
    })?;
    let total = |count: fn(&near::Amendments) -> usize| amendments.iter().map(|(_, all)| count(all)).sum::<usize>();
    if total(|all| all.list.len()) + total(|all| all.slides.len()) > near::MAX_AMENDMENTS {
        return Err(RecipeError::Damaged("too many amendments"));
    }
    Ok(AmendedRecipe { gzip, amendments })
}

/// Distinct values in the order of their first use.
pub(super) struct Table<T> {
    pub(super) rows: Vec<T>,
    index: HashMap<T, u64>,
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self { rows: Vec::new(), index: HashMap::new() }
    }
}

impl<T: Copy + Eq + Hash> Table<T> {
    /// The row that holds `value`, added if need be.
    pub(super) fn row(&mut self, value: T) -> u64 {
        let next = self.rows.len() as u64;
        *self.index.entry(value).or_insert_with(|| {
            self.rows.push(value);
            next
        })
    }
}

fn decode_gzip(reader: &mut Reader<'_>) -> Result<GzipRecipe, RecipeError> {
    let headers = reader.table(|r| {
        let len = r.length(MAX_RECIPE as u64, "a member header is too long")?;
        let header = r.take(len)?;
        if len < MIN_HEADER { Err(RecipeError::Damaged("a member header is too short")) } else { Ok(Arc::from(header)) }
    })?;
    let encoders = reader.table(decode_encoder)?;
    let mut total = 0u64;
    let members = reader.table(|r| {
        let header = Arc::clone(r.pick(&headers)?);
        let encoder = *r.pick(&encoders)?;
        let len = r.number()?;
        total = total.checked_add(len).ok_or(RecipeError::Damaged("members are longer than 2^64 bytes"))?;
        Ok(Member { header, encoder, len })
    })?;
    let literal = reader.length(MAX_TRAILING as u64, "too many trailing bytes")?;
    let literal = reader.take(literal)?.to_vec();
    let zeros = reader.number()?;
    if literal.last() == Some(&0) || zeros > MAX_PADDING {
        return Err(RecipeError::Damaged("trailing bytes end in zero, or too many zeros follow"));
    }
    Ok(GzipRecipe { members, trailing: Trailing { literal, zeros } })
}

fn decode_encoder(reader: &mut Reader<'_>) -> Result<DeflateEncoder, RecipeError> {
    let id = u16::from_le_bytes([reader.byte()?, reader.byte()?]);
    let version = u16::from_le_bytes([reader.byte()?, reader.byte()?]);
    let len = reader.length(MAX_PARAMS, "too many encoder parameters")?;
    DeflateEncoder::from_wire(id, version, reader.take(len)?).map_err(|fault| match fault {
        WireFault::Unknown => {
            RecipeError::NeedsNewer { what: "encoder", id: (u32::from(id) << 16) | u32::from(version) }
        }
        WireFault::Parameters => RecipeError::Damaged("encoder parameters out of range"),
    })
}

/// LEB128: seven bits a byte, least significant first.
pub(super) fn put(out: &mut Vec<u8>, mut value: u64) {
    loop {
        let [low, ..] = value.to_le_bytes();
        value >>= 7;
        if value == 0 {
            out.push(low & 0x7f);
            return;
        }
        out.push(low | 0x80);
    }
}

pub(super) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(super) fn take(&mut self, n: usize) -> Result<&'a [u8], RecipeError> {
        let (taken, rest) = self.0.split_at_checked(n).ok_or(RecipeError::Damaged("cut short"))?;
        self.0 = rest;
        Ok(taken)
    }

    pub(super) fn byte(&mut self) -> Result<u8, RecipeError> {
        self.take(1)?.first().copied().ok_or(RecipeError::Damaged("cut short"))
    }

    pub(super) fn number(&mut self) -> Result<u64, RecipeError> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7f);
            if bits << shift >> shift != bits {
                break;
            }
            value |= bits << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(RecipeError::Damaged("a number over 64 bits"))
    }

    pub(super) fn length(&mut self, max: u64, over: &'static str) -> Result<usize, RecipeError> {
        let number = self.number()?;
        if number > max {
            return Err(RecipeError::Damaged(over));
        }
        usize::try_from(number).map_err(|_| RecipeError::Damaged(over))
    }

    /// A count from 1 to [`MAX_MEMBERS`], then that many rows.
    fn table<T>(&mut self, mut each: impl FnMut(&mut Self) -> Result<T, RecipeError>) -> Result<Vec<T>, RecipeError> {
        let count = self.length(MAX_MEMBERS as u64, "too many rows")?;
        if count == 0 {
            return Err(RecipeError::Damaged("an empty table"));
        }
        (0..count).map(|_| each(self)).collect()
    }

    /// A row number, then that row of `table`.
    fn pick<'t, T>(&mut self, table: &'t [T]) -> Result<&'t T, RecipeError> {
        let row = self.length(MAX_MEMBERS as u64, "no such row")?;
        table.get(row).ok_or(RecipeError::Damaged("no such row"))
    }
}

#[cfg(test)]
#[path = "wire_tests.rs"]
mod tests;
