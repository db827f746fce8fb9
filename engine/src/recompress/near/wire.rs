//! Amendments as bytes: FORMAT.md.

use std::sync::Arc;

use super::{Amendment, Amendments, Flush, MAX_AMENDED_RECIPE, MAX_AMENDMENTS, Resume, Stretch};
use crate::recompress::RecipeError;
use crate::recompress::wire::{Reader, put};

const STRETCH: u8 = 3;
const LAST_STRETCH: u8 = 4;

/// Appends one member's amendments.
pub(in crate::recompress) fn encode(amendments: &Amendments, out: &mut Vec<u8>) {
    put(out, amendments.slides.len() as u64);
    let mut next = 0u64;
    for &slide in &amendments.slides {
        put(out, u64::from(slide).wrapping_sub(next));
        next = u64::from(slide) + 1;
    }
    put(out, amendments.list.len() as u64);
    let (mut decoded, mut behind) = (0u64, 0u64);
    for amendment in &amendments.list {
        match amendment {
            Amendment::Flush { at, kind } => {
                out.push(*kind as u8);
                put(out, at.wrapping_sub(decoded));
                decoded = *at;
            }
            Amendment::Stretch(stretch) => {
                out.push(if stretch.resume == Resume::End { LAST_STRETCH } else { STRETCH });
                put(out, stretch.at.wrapping_sub(behind));
                put(out, stretch.bytes.len() as u64);
                out.extend_from_slice(&stretch.bytes);
                behind = stretch.end();
                if let Resume::Block { bits, at, literals } = stretch.resume {
                    // The next stretch may begin with the byte that this one shares with the encoder.
                    behind -= u64::from(bits < 8);
                    out.push(bits);
                    put(out, at.wrapping_sub(decoded));
                    put(out, literals);
                    decoded = at;
                }
            }
        }
    }
}

/// Reads what `encode` wrote; positions ascend.
pub(in crate::recompress) fn decode(reader: &mut Reader<'_>) -> Result<Amendments, RecipeError> {
    const OVER: RecipeError = RecipeError::Damaged("an amendment's position is over 64 bits");
    let count = reader.length(MAX_AMENDMENTS as u64, "too many early slides")?;
    let (mut slides, mut next) = (Vec::new(), 0u64);
    for _ in 0..count {
        let slide = next.checked_add(reader.number()?).and_then(|slide| u32::try_from(slide).ok());
        let slide = slide.ok_or(RecipeError::Damaged("an early slide that no stream has"))?;
        slides.push(slide);
        next = u64::from(slide) + 1;
    }
    let count = reader.length(MAX_AMENDMENTS as u64, "too many amendments")?;
    let (mut list, mut decoded, mut behind) = (Vec::new(), 0u64, 0u64);
    for number in 1..=count {
        let kind = reader.byte()?;
        if let Some(kind) = flush(kind) {
            decoded = decoded.checked_add(reader.number()?).ok_or(OVER)?;
            list.push(Amendment::Flush { at: decoded, kind });
            continue;
        }
        let at = behind.checked_add(reader.number()?).ok_or(OVER)?;
        let len = reader.length(MAX_AMENDED_RECIPE as u64, "a stretch is too long")?;
        let bytes: Arc<[u8]> = Arc::from(reader.take(len)?);
        let last = *bytes.last().ok_or(RecipeError::Damaged("an empty stretch"))?;
        behind = at.checked_add(len as u64).ok_or(OVER)?;
        let resume = match kind {
            LAST_STRETCH if number == count => Resume::End,
            STRETCH => {
                let bits = reader.byte()?;
                if !(1..=8).contains(&bits) || u16::from(last) >> bits != 0 {
                    return Err(RecipeError::Damaged("a stretch ends amid a byte in another way"));
                }
                behind -= u64::from(bits < 8);
                decoded = decoded.checked_add(reader.number()?).ok_or(OVER)?;
                let literals = reader.number()?;
                if literals > decoded {
                    return Err(RecipeError::Damaged("a stretch has more literals than bytes"));
                }
                Resume::Block { bits, at: decoded, literals }
            }
            _ => return Err(RecipeError::Damaged("an unknown amendment")),
        };
        list.push(Amendment::Stretch(Stretch { at, bytes, resume }));
    }
    let amendments = Amendments { slides, list };
    if amendments.is_empty() { Err(RecipeError::Damaged("amendments without any")) } else { Ok(amendments) }
}

fn flush(kind: u8) -> Option<Flush> {
    match kind {
        0 => Some(Flush::Sync),
        1 => Some(Flush::Full),
        2 => Some(Flush::Partial),
        _ => None,
    }
}
