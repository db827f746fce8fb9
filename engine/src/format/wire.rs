//! Little-endian fields in a byte slice: the one place where stored bytes become numbers.

use super::FormatError;

/// Reads fields front to back; every read is checked against what is left.
#[derive(Debug, Clone)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
    /// What is being read, for error messages ("pack footer", "image record").
    object: &'static str,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(object: &'static str, bytes: &'a [u8]) -> Self {
        Reader { rest: bytes, object }
    }

    pub(crate) fn invalid(&self, what: impl Into<String>) -> FormatError {
        FormatError::Invalid { object: self.object, what: what.into() }
    }

    pub(crate) fn bytes(&mut self, len: usize) -> Result<&'a [u8], FormatError> {
        let (head, tail) = self.rest.split_at_checked(len).ok_or(FormatError::Truncated {
            object: self.object,
            wanted: len,
            left: self.rest.len(),
        })?;
        self.rest = tail;
        Ok(head)
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], FormatError> {
        let (head, tail) = self.rest.split_first_chunk::<N>().ok_or(FormatError::Truncated {
            object: self.object,
            wanted: N,
            left: self.rest.len(),
        })?;
        self.rest = tail;
        Ok(*head)
    }

    /// What every kind of object starts with: eight bytes that say what it is, and its version.
    pub(crate) fn magic_and_version(&mut self, magic: &[u8; 8], known: u16) -> Result<(), FormatError> {
        if &self.array::<8>()? != magic {
            return Err(FormatError::Magic { object: self.object });
        }
        match self.u16()? {
            found if found == known => Ok(()),
            found => Err(FormatError::Version { object: self.object, found, known }),
        }
    }

    pub(crate) fn u8(&mut self) -> Result<u8, FormatError> {
        self.array::<1>().map(|[byte]| byte)
    }

    pub(crate) fn u16(&mut self) -> Result<u16, FormatError> {
        self.array().map(u16::from_le_bytes)
    }

    pub(crate) fn u32(&mut self) -> Result<u32, FormatError> {
        self.array().map(u32::from_le_bytes)
    }

    pub(crate) fn u64(&mut self) -> Result<u64, FormatError> {
        self.array().map(u64::from_le_bytes)
    }

    pub(crate) fn i64(&mut self) -> Result<i64, FormatError> {
        self.array().map(i64::from_le_bytes)
    }

    /// A count of items that take at least `item_bytes` each: more than what is left could hold is refused before anything
    /// is allocated for it.
    pub(crate) fn count(&mut self, item_bytes: usize) -> Result<usize, FormatError> {
        let count = self.u32()?;
        let count = usize::try_from(count).map_err(|_| self.invalid("a count beyond this machine's address space"))?;
        if count.checked_mul(item_bytes).is_none_or(|bytes| bytes > self.rest.len()) {
            return Err(self.invalid(format!("{count} items announced, but only {} bytes follow", self.rest.len())));
        }
        Ok(count)
    }

    /// A byte string with a 32-bit length, at most `limit` bytes.
    pub(crate) fn blob(&mut self, limit: usize) -> Result<&'a [u8], FormatError> {
        let len = self.count(1)?;
        if len > limit {
            return Err(self.invalid(format!("a field of {len} bytes, more than the {limit} allowed")));
        }
        self.bytes(len)
    }

    /// A UTF-8 text with a 32-bit length, at most `limit` bytes.
    pub(crate) fn text(&mut self, limit: usize) -> Result<String, FormatError> {
        let bytes = self.blob(limit)?;
        std::str::from_utf8(bytes).map(str::to_owned).map_err(|_| self.invalid("a text that is not UTF-8"))
    }

    pub(crate) fn finish(self) -> Result<(), FormatError> {
        if self.rest.is_empty() {
            return Ok(());
        }
        Err(self.invalid(format!("{} bytes too many", self.rest.len())))
    }
}

/// Appends fields to a byte vector.
pub(crate) trait Put {
    fn put_u8(&mut self, value: u8);
    fn put_u16(&mut self, value: u16);
    fn put_u32(&mut self, value: u32);
    fn put_u64(&mut self, value: u64);
    fn put_i64(&mut self, value: i64);
    fn put_varint(&mut self, value: u64);
    /// A 32-bit count. Saturates beyond 2³²−1, which no limit of the format lets happen.
    fn put_count(&mut self, count: usize);
    /// A byte string behind its 32-bit length.
    fn put_blob(&mut self, bytes: &[u8]);
}

impl Put for Vec<u8> {
    fn put_u8(&mut self, value: u8) {
        self.push(value);
    }

    fn put_u16(&mut self, value: u16) {
        self.extend_from_slice(&value.to_le_bytes());
    }

    fn put_u32(&mut self, value: u32) {
        self.extend_from_slice(&value.to_le_bytes());
    }

    fn put_u64(&mut self, value: u64) {
        self.extend_from_slice(&value.to_le_bytes());
    }

    fn put_i64(&mut self, value: i64) {
        self.extend_from_slice(&value.to_le_bytes());
    }

    fn put_varint(&mut self, mut value: u64) {
        loop {
            let low = value.to_le_bytes()[0] & 0x7f;
            value >>= 7;
            if value == 0 {
                self.push(low);
                return;
            }
            self.push(low | 0x80);
        }
    }

    fn put_count(&mut self, count: usize) {
        self.put_u32(u32::try_from(count).unwrap_or(u32::MAX));
    }

    fn put_blob(&mut self, bytes: &[u8]) {
        self.put_count(bytes.len());
        self.extend_from_slice(bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            let mut reader = Reader::new("test", &bytes);
            while reader.blob(16).is_ok() {}
        }
    }

    #[test]
    fn a_count_is_checked_before_it_allocates() {
        let bytes = u32::MAX.to_le_bytes();
        assert!(Reader::new("test", &bytes).count(1).is_err());
        assert!(Reader::new("test", &bytes).blob(usize::MAX).is_err());
    }
}
