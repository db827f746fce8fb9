//! Sparse maps: which runs of a file are stored, in each of the four ways GNU tar has written them.

use super::Block;
use super::entry::DataRun;
use super::error::Problem;
use super::header::bytes;
use super::number::{decimal, numeric};
use super::pax::SparseRecords;

/// Where a member's map is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum MapSource {
    /// No map: every byte is stored.
    Dense,
    /// All runs are known.
    Known(Vec<DataRun>),
    /// Old GNU format, with more runs in blocks that follow the header.
    Extended(Vec<DataRun>),
    /// PAX format 1.0: at the start of the data.
    InData,
}

/// Reads the `GNU.sparse.*` records of formats 0.0, 0.1 and 1.0.
///
/// An unknown version is no sparse file at all, as in Go.
pub(super) fn from_pax(records: &SparseRecords) -> Result<MapSource, Problem> {
    match (&records.major[..], &records.minor[..]) {
        (b"1", b"0") => Ok(MapSource::InData),
        (b"0", b"0" | b"1") => Ok(MapSource::Known(pax_map(records)?)),
        // Formats 0.0 and 0.1 need not say their version.
        (b"", b"") if !records.map.is_empty() => Ok(MapSource::Known(pax_map(records)?)),
        _ => Ok(MapSource::Dense),
    }
}

fn pax_map(records: &SparseRecords) -> Result<Vec<DataRun>, Problem> {
    let blocks = decimal(&records.blocks).ok_or(Problem::BadNumber { field: "GNU.sparse.numblocks" })?;
    let numbers: Vec<&[u8]> = match &records.map[..] {
        [] => Vec::new(),
        map => map.split(|&byte| byte == b',').collect(),
    };
    let (pairs, []) = numbers.as_chunks() else {
        return Err(bad("an offset without a length"));
    };
    if usize::try_from(blocks) != Ok(pairs.len()) {
        return Err(bad("the number of runs is not what GNU.sparse.numblocks says"));
    }
    pairs.iter().map(|[offset, len]| run(decimal(offset), decimal(len))).collect()
}

/// Reads the runs in an old GNU header, and whether extension blocks follow.
pub(super) fn from_header(block: &Block) -> Result<MapSource, Problem> {
    let mut runs = Vec::new();
    Ok(match old_gnu_runs(bytes(block, 386, 97), &mut runs)? {
        true => MapSource::Extended(runs),
        false => MapSource::Known(runs),
    })
}

/// Adds the runs of an extension block; returns whether another follows.
pub(super) fn extend(block: &Block, runs: &mut Vec<DataRun>) -> Result<bool, Problem> {
    // 21 runs fill 504 bytes; the last 7 are unused.
    old_gnu_runs(bytes(block, 0, 505), runs)
}

/// `area` is a sequence of 24-byte runs and a flag byte.
fn old_gnu_runs(area: &[u8], runs: &mut Vec<DataRun>) -> Result<bool, Problem> {
    let (fields, rest) = area.as_chunks::<12>();
    let (pairs, _) = fields.as_chunks::<2>();
    for [offset, len] in pairs {
        if offset.first() == Some(&0) {
            break;
        }
        runs.push(run(numeric(offset), numeric(len))?);
    }
    Ok(rest.first().is_some_and(|&flag| flag != 0))
}

/// Gathers the PAX 1.0 map: decimal lines, first the number of runs, then an offset and a length for each, in whole blocks.
#[derive(Debug, Default)]
pub(super) struct InData {
    text: Vec<u8>,
    lines: u64,
    /// Lines that the map has, once the first is known.
    wanted: Option<u64>,
}

impl InData {
    /// Takes the data's next block; returns the runs with the last one.
    ///
    /// # Errors
    /// A number that is none, or a map over `limit` bytes.
    pub(super) fn push(&mut self, block: &Block, limit: usize) -> Result<Option<Vec<DataRun>>, Problem> {
        if self.text.len() + block.len() > limit {
            return Err(Problem::SparseMapTooLong { limit });
        }
        self.text.extend_from_slice(block);
        self.lines += block.iter().map(|&byte| u64::from(byte == b'\n')).sum::<u64>();
        let wanted = match self.wanted {
            Some(wanted) => wanted,
            None if self.lines == 0 => return Ok(None),
            None => {
                let first = self.text.split(|&byte| byte == b'\n').next().unwrap_or_default();
                let runs = decimal(first).and_then(|runs| u64::try_from(runs).ok());
                let wanted = runs.and_then(|runs| runs.checked_mul(2)?.checked_add(1));
                *self.wanted.insert(wanted.ok_or(bad("its number of runs is no number"))?)
            }
        };
        if self.lines < wanted {
            return Ok(None);
        }
        let mut numbers = self.text.split(|&byte| byte == b'\n').skip(1).map(decimal);
        (0..wanted / 2)
            .map(|_| run(numbers.next().flatten(), numbers.next().flatten()))
            .collect::<Result<_, _>>()
            .map(Some)
    }
}

fn run(offset: Option<i64>, len: Option<i64>) -> Result<DataRun, Problem> {
    let unsigned = |number: Option<i64>| number.and_then(|number| u64::try_from(number).ok());
    match (unsigned(offset), unsigned(len)) {
        (Some(offset), Some(len)) => Ok(DataRun { offset, len }),
        _ => Err(bad("an offset or length is no number, or negative")),
    }
}

/// Checks a map against the file's logical size and the bytes stored for it, and drops its empty runs.
pub(super) fn validate(mut runs: Vec<DataRun>, size: u64, stored: u64) -> Result<Vec<DataRun>, Problem> {
    let (mut end, mut sum) = (0, 0u64);
    for run in &runs {
        if run.offset < end {
            return Err(bad("its runs overlap or are out of order"));
        }
        end = match run.offset.checked_add(run.len) {
            Some(end) if end <= size => end,
            _ => return Err(bad("a run lies outside the file")),
        };
        sum += run.len; // disjoint runs inside `size`: no overflow
    }
    if sum != stored {
        return Err(bad("its runs do not add up to the data stored"));
    }
    runs.retain(|run| run.len > 0);
    Ok(runs)
}

fn bad(why: &'static str) -> Problem {
    Problem::BadSparseMap { why }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn runs(pairs: &[(u64, u64)]) -> Vec<DataRun> {
        pairs.iter().map(|&(offset, len)| DataRun { offset, len }).collect()
    }

    #[test]
    fn maps_must_fit_their_file() {
        let valid = |pairs, size, stored| validate(runs(pairs), size, stored);
        assert_eq!(valid(&[(0, 5), (5, 0), (10, 5)], 15, 10), Ok(runs(&[(0, 5), (10, 5)])));
        assert_eq!(valid(&[], 0, 0), Ok(vec![]));
        assert_eq!(valid(&[(7, 0)], 7, 0), Ok(vec![]));
        for (pairs, size, stored) in [
            (&[(0, 5), (4, 5)][..], 100, 10),
            (&[(10, 5), (0, 5)], 100, 10),
            (&[(10, 0), (9, 1)], 100, 1),
            (&[(0, 5)], 4, 5),
            (&[(8, 0)], 7, 0),
            (&[(u64::MAX, 2)], u64::MAX, 2),
            (&[(0, 5)], 100, 6),
            (&[(0, 5)], 100, 4),
            (&[], 100, 1),
        ] {
            assert!(valid(pairs, size, stored).is_err(), "{pairs:?} {size} {stored}");
        }
    }

    #[test]
    fn pax_versions() {
        let records = |major: &str, minor: &str, blocks: &str, map: &str| SparseRecords {
            major: major.into(),
            minor: minor.into(),
            blocks: blocks.into(),
            map: map.into(),
            ..SparseRecords::default()
        };
        let known = |pairs| Ok(MapSource::Known(runs(pairs)));
        assert_eq!(from_pax(&records("", "", "1", "3,4")), known(&[(3, 4)]));
        assert_eq!(from_pax(&records("0", "1", "2", "3,4,9,0")), known(&[(3, 4), (9, 0)]));
        assert_eq!(from_pax(&records("0", "0", "0", "")), known(&[]));
        assert_eq!(from_pax(&records("1", "0", "", "")), Ok(MapSource::InData));
        for (major, minor) in [("", ""), ("2", "0"), ("1", "1"), ("0", ""), ("", "1"), ("00", "1")] {
            assert_eq!(from_pax(&records(major, minor, "x", "")), Ok(MapSource::Dense));
        }
        for (blocks, map) in [
            ("", "3,4"),
            ("2", "3,4"),
            ("1", "3"),
            ("1", "3,4,5"),
            ("1", ","),
            ("1", "-3,4"),
            ("1", "3,x"),
            ("-1", ""),
            ("9223372036854775807", "3,4"),
        ] {
            assert!(from_pax(&records("0", "1", blocks, map)).is_err(), "{blocks} {map}");
        }
    }

    fn blocks(text: &str) -> Vec<Block> {
        let mut bytes = text.as_bytes().to_vec();
        bytes.resize(bytes.len().next_multiple_of(512), 0);
        bytes.as_chunks().0.to_vec()
    }

    fn in_data(text: &str) -> Result<Option<Vec<DataRun>>, Problem> {
        let mut map = InData::default();
        for block in blocks(text) {
            if let Some(runs) = map.push(&block, 4096)? {
                return Ok(Some(runs));
            }
        }
        Ok(None)
    }

    #[test]
    fn maps_in_data() {
        assert_eq!(in_data("2\n0\n5\n+100\n07\n"), Ok(Some(runs(&[(0, 5), (100, 7)]))));
        assert_eq!(in_data("0\n"), Ok(Some(vec![])));
        let many: String = (0..200).map(|i| format!("\n{}\n1", i * 2)).collect();
        assert_eq!(in_data(&format!("200{many}\n")).unwrap().unwrap().len(), 200);
        // Padding that happens to hold newlines is part of the last block.
        assert_eq!(in_data("1\n0\n5\n\n\n\n"), Ok(Some(runs(&[(0, 5)]))));
        assert_eq!(in_data("2\n0\n5\n"), Ok(None));
        assert_eq!(in_data("12"), Ok(None));
        for bad in ["\n", "x\n", "-1\n", "1\n0\n\n", "1\n\n5\n", "1\n0\n-5\n", "9223372036854775808\n"] {
            assert!(in_data(bad).is_err(), "{bad:?}");
        }
        assert_eq!(in_data(&"1".repeat(5000)), Err(Problem::SparseMapTooLong { limit: 4096 }));
        let endless = format!("9223372036854775807\n{}", "1\n".repeat(2500));
        assert_eq!(in_data(&endless), Err(Problem::SparseMapTooLong { limit: 4096 }));
    }

    #[test]
    fn old_gnu_blocks() {
        let mut block = [0; 512];
        block[386..398].copy_from_slice(b"00000000003\0");
        block[398..410].copy_from_slice(b"00000000004\0");
        assert_eq!(from_header(&block), Ok(MapSource::Known(runs(&[(3, 4)]))));
        block[482] = 1;
        assert_eq!(from_header(&block), Ok(MapSource::Extended(runs(&[(3, 4)]))));
        block[386] = 0xff; // base 256, negative
        assert!(from_header(&block).is_err());
        let mut block = [b'1'; 512];
        let mut found = Vec::new();
        assert!(extend(&block, &mut found).unwrap());
        assert_eq!(found.len(), 21);
        block[504] = 0;
        block[24] = 0;
        assert!(!extend(&block, &mut found).unwrap());
        assert_eq!(found.len(), 22);
    }
}
