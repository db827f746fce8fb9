//! Streams made bit by bit.

use super::{Bits, Kind, Seen, check};
use crate::recompress::tokens::{BlockEnd, CodeFault, Fault, TokenError};

/// Code lengths 1 and 18 have codes 0 and 1: the order of transmission is 16, 17, 18, 0, 8, … 1.
const ONE_AND_18: [u64; 18] = [0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
/// Bits before the lengths then.
const LENGTHS_AT: u64 = 3 + 14 + 18 * 3;

fn zeros(bits: Bits, n: u64) -> Bits {
    bits.put(1, 1).put(n - 11, 7)
}

#[test]
fn a_fixed_block_token_by_token() {
    // "a", then four more by a match at distance 1, then the end; 3 bits of the last byte are padding.
    let bits = Bits::default().put(0b011, 3).code(0x30 + 0x61, 8).code(2, 7).code(0, 5).code(0, 7).put(0b10, 2);
    let (record, end) = bits.check();
    assert_eq!(record.decoded, b"aaaaa");
    assert_eq!(record.tokens, [(0x61, 0), (4, 1)]);
    assert_eq!(record.blocks, [Seen { bit: 0, decoded: 0, last: true, kind: Kind::Fixed }]);
    assert_eq!(record.ends, [BlockEnd { bit: 30, decoded: 5, tokens: 2 }]);
    assert_eq!(end, Ok((4, 0b10)));
}

#[test]
fn stored_blocks_and_padding() {
    let bits = Bits::default().put(0b000, 3).put(0b10101, 5).put(3, 16).put(0xfffc, 16).put(0x63_6261, 24);
    let bits = bits.put(0b001, 3).put(0, 5).put(0xffff_0000, 32).put(0xabcd, 16);
    let (record, end) = bits.check();
    assert_eq!(record.decoded, b"abc");
    assert_eq!(record.blocks[0].kind, Kind::Stored(3, 0b10101));
    assert_eq!(record.blocks[1], Seen { bit: 64, decoded: 3, last: true, kind: Kind::Stored(0, 0) });
    assert_eq!(record.ends[1], BlockEnd { bit: 104, decoded: 3, tokens: 0 });
    assert_eq!(end, Ok((13, 0)));
    Bits::default()
        .put(0b001, 3)
        .put(0, 5)
        .put(0xfffe_0000, 32)
        .refused(8, Fault::StoredLength { len: 0, complement: 0xfffe });
}

#[test]
fn the_lengths_as_sent() {
    // 'a' and the end of block, no distance code to speak of.
    let bits = zeros(Bits::default().dynamic(257, 1, &ONE_AND_18), 97).put(0, 1);
    let bits = zeros(zeros(bits, 138), 20).put(0, 1).put(0, 1).put(0, 3).put(1, 1);
    let (record, end) = bits.check();
    assert_eq!(end, Ok((bits.0.len(), 0)));
    assert_eq!(record.decoded, b"aaa");
    let Kind::Dynamic(literals, distances, sent, sent_bits) = &record.blocks[0].kind else { panic!() };
    assert_eq!((literals.len(), literals[97], literals[256], distances.as_slice()), (257, 1, 1, &[1][..]));
    assert_eq!(literals.iter().filter(|len| **len > 0).count(), 2);
    // The header again, without the block's type.
    let again = (0..*sent_bits)
        .fold(Bits::default(), |again, i| again.put(u64::from(bits.0[(i + 3) / 8] >> ((i + 3) % 8) & 1), 1));
    assert_eq!(sent, &again.0);
    assert_eq!(record.ends[0].bit, 3 + *sent_bits as u64 + 4);
}

#[test]
fn the_longest_match_in_two_ways() {
    let start = || Bits::default().put(0b011, 3).code(0x30, 8);
    let (usual, _) = start().code(0b1100_0101, 8).code(0, 5).code(0, 7).check();
    let (odd, _) = start().code(0b1100_0100, 8).put(31, 5).code(0, 5).code(0, 7).check();
    assert_eq!((usual.decoded.len(), usual.in_full, odd.in_full), (259, 0, 1));
    assert_eq!(usual.tokens, odd.tokens);
    let (less, _) = start().code(0b1100_0100, 8).put(30, 5).code(0, 5).code(0, 7).check();
    assert_eq!((less.tokens[1], less.in_full), ((257, 1), 0));
}

#[test]
fn what_is_refused_and_where() {
    Bits::default().put(0b111, 3).put(0, 40).refused(0, Fault::BlockType);
    Bits::default().put(0b010, 3).code(0, 7).put(0b110, 3).put(0, 40).refused(10, Fault::BlockType);
    let too_many = |literals, distances| Fault::TooManySymbols { literals, distances };
    Bits::default().dynamic(287, 1, &[0; 4]).refused(3, too_many(287, 1));
    Bits::default().dynamic(286, 31, &[0; 4]).refused(3, too_many(286, 31));
    let of_code = |lens: &[u64]| Bits::default().dynamic(257, 1, lens).put(0, 64);
    of_code(&[1, 1, 1, 0]).refused(29, Fault::CodeLengthCode(CodeFault::OverSubscribed));
    of_code(&[1, 0, 0, 0]).refused(29, Fault::CodeLengthCode(CodeFault::Incomplete));
    of_code(&[1, 2, 0, 0]).refused(29, Fault::CodeLengthCode(CodeFault::Incomplete));
    Bits::default().dynamic(257, 1, &[0; 4]).put(0, 300).refused(29 + 258, Fault::NoEndOfBlock);
    of_code(&[1, 1, 0, 0]).refused(29, Fault::RepeatOfNothing);
    let dynamic = || Bits::default().dynamic(257, 1, &ONE_AND_18);
    zeros(zeros(dynamic(), 138), 121).put(0, 99).refused(LENGTHS_AT + 8, Fault::RepeatTooLong);
    zeros(zeros(dynamic(), 138), 120).put(0, 99).refused(LENGTHS_AT + 16, Fault::NoEndOfBlock);
    let over = zeros(zeros(dynamic().put(0, 2), 138), 116).put(0, 2);
    over.refused(LENGTHS_AT + 20, Fault::LiteralCode(CodeFault::OverSubscribed));
    // Lengths 0 and 2 only, codes 0 and 1: one symbol of two bits is not enough.
    let lens = [0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
    let short = Bits::default().dynamic(257, 1, &lens);
    let short = short.put(0, 64).put(0, 64).put(0, 64).put(0, 64).put(0b01, 2);
    short.refused(65 + 258, Fault::LiteralCode(CodeFault::Incomplete));
    Bits::default().put(0b011, 3).code(0b1100_0110, 8).put(0, 30).refused(3, Fault::LiteralSymbol);
    let fixed = || Bits::default().put(0b011, 3).code(0x30, 8);
    fixed().code(1, 7).code(30, 5).put(0, 30).refused(11, Fault::DistanceSymbol);
    fixed().code(1, 7).code(1, 5).put(0, 30).refused(11, Fault::TooFar { distance: 2, decoded: 1 });
    assert_eq!(fixed().check().1, Err(TokenError { bit: 11, fault: Fault::Truncated }));
}

/// A single code of one bit is complete enough, and its other bit means nothing.
#[test]
fn codes_of_one_symbol() {
    let only_end = || zeros(zeros(Bits::default().dynamic(257, 1, &ONE_AND_18), 138), 118).put(0, 1).put(0, 1);
    let end = 71 + 16 + 2;
    assert_eq!(only_end().put(0, 1).check().1, Ok((12, 0)));
    only_end().put(1, 1).put(0, 30).refused(end, Fault::LiteralSymbol);
    // A distance code of one symbol, with a length to use it: symbols 256 and 257 of one bit each.
    let one = || zeros(zeros(Bits::default().dynamic(258, 1, &ONE_AND_18), 138), 118).put(0, 3);
    one().put(0b01, 2).put(0, 30).refused(end + 1, Fault::TooFar { distance: 1, decoded: 0 });
    one().put(0b11, 2).put(0, 30).refused(end + 1, Fault::DistanceSymbol);
    // None at all.
    let none = zeros(zeros(Bits::default().dynamic(258, 11, &ONE_AND_18), 138), 118).put(0, 2);
    zeros(none, 11).put(0b01, 2).put(0, 30).refused(end + 8, Fault::DistanceSymbol);
}

#[test]
fn nothing_at_all() {
    assert_eq!(check(&[], &[1]).1, Err(TokenError { bit: 0, fault: Fault::Truncated }));
    assert_eq!(check(&[3, 0], &[1]).1, Ok((2, 0)));
}
