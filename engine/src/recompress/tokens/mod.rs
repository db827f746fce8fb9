//! What an inflater hides: the blocks and tokens of a raw deflate stream (RFC 1951), read at an inflater's speed.
//!
//! [`TokenReader`] decodes and tells a [`TokenSink`] everything the encoder was free to choose: block edges and types, code
//! lengths as sent, literals and matches, padding bits. It accepts and refuses what zlib's inflate does (32 KiB window).
//! [`Survey`] sums up the first blocks, and [`Families`] says which encoders can have written them.
//!
//! This folder knows nothing of gzip, of recipes or of any encoder's inner workings.

mod bits;
mod careful;
mod error;
mod families;
mod fast;
mod header;
mod lengths;
mod reader;
mod rules;
mod sink;
mod survey;
mod table;
#[cfg(test)]
mod tests;
mod window;

pub use error::{CodeFault, Fault, TokenError};
pub use families::Families;
pub use header::{BlockHeader, BlockKind, Codes};
pub use reader::{Step, TokenReader};
pub use sink::{BlockEnd, TokenSink};
pub use survey::{Edge, MAX_SURVEYED, Survey, SurveyedBlock, SurveyedKind, Surveyor};
