//! The body of a zstd recipe as bytes: FORMAT.md.

use std::sync::Arc;

use super::ZstdEncoder;
use super::encoder::WireFault;
use super::recipe::{MAX_FRAMES, MAX_ZSTD_RECIPE, ZstdPart, ZstdRecipe};
use crate::recompress::RecipeError;
use crate::recompress::wire::{MAX_PARAMS, Reader, Table, put};

/// Most different encoders.
const MAX_ENCODERS: u64 = 255;

pub(in super::super) fn encode(zstd: &ZstdRecipe, out: &mut Vec<u8>) {
    let mut encoders = Table::default();
    let mut parts = Vec::new();
    for part in &zstd.parts {
        match part {
            ZstdPart::Literal(bytes) => {
                put(&mut parts, 0);
                put(&mut parts, bytes.len() as u64);
                parts.extend_from_slice(bytes);
            }
            ZstdPart::Frame { encoder, len } => {
                put(&mut parts, encoders.row(*encoder) + 1);
                put(&mut parts, *len);
            }
        }
    }
    put(out, encoders.rows.len() as u64);
    for encoder in encoders.rows {
        let (id, version, params) = encoder.to_wire();
        out.extend_from_slice(&id.to_le_bytes());
        out.extend_from_slice(&version.to_le_bytes());
        put(out, params.len() as u64);
        out.extend_from_slice(&params);
    }
    put(out, zstd.parts.len() as u64);
    out.extend_from_slice(&parts);
}

pub(in super::super) fn decode(reader: &mut Reader<'_>) -> Result<ZstdRecipe, RecipeError> {
    let count = reader.length(MAX_ENCODERS, "too many encoders")?;
    let encoders = (0..count).map(|_| decode_encoder(reader)).collect::<Result<Vec<_>, _>>()?;
    let count = reader.length(MAX_FRAMES as u64, "too many frames")?;
    let mut total = 0u64;
    let mut parts = Vec::new();
    for _ in 0..count {
        let part = match reader.length(MAX_ENCODERS, "no such encoder")? {
            0 => {
                let len = reader.length(MAX_ZSTD_RECIPE as u64, "a literal is too long")?;
                ZstdPart::Literal(Arc::from(reader.take(len)?))
            }
            row => {
                let encoder = *encoders.get(row - 1).ok_or(RecipeError::Damaged("no such encoder"))?;
                let len = reader.number()?;
                total = total.checked_add(len).ok_or(RecipeError::Damaged("frames are longer than 2^64 bytes"))?;
                ZstdPart::Frame { encoder, len }
            }
        };
        parts.push(part);
    }
    Ok(ZstdRecipe { parts })
}

fn decode_encoder(reader: &mut Reader<'_>) -> Result<ZstdEncoder, RecipeError> {
    let id = u16::from_le_bytes([reader.byte()?, reader.byte()?]);
    let version = u16::from_le_bytes([reader.byte()?, reader.byte()?]);
    let len = reader.length(MAX_PARAMS, "too many encoder parameters")?;
    ZstdEncoder::from_wire(id, version, reader.take(len)?).map_err(|fault| match fault {
        WireFault::Unknown => {
            RecipeError::NeedsNewer { what: "zstd encoder", id: (u32::from(id) << 16) | u32::from(version) }
        }
        WireFault::Parameters => RecipeError::Damaged("encoder parameters out of range"),
    })
}
