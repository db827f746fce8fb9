use super::EncoderFault;
use super::place::Bits;

/// How far an encoder may lag behind the blob, or lead it, in bytes: beyond any encoder's block, and the memory of a comparison.
pub(super) const MAX_LAG: usize = 4 << 20;

/// Why an encoder cannot go on imitating.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stop {
    /// It emitted something else than the blob has.
    Differs,
    /// It does not work.
    Fault(EncoderFault),
}

impl From<EncoderFault> for Stop {
    fn from(fault: EncoderFault) -> Self {
        Self::Fault(fault)
    }
}

/// The blob's deflate stream and the encoder's, each in its own time; at most one of them is ahead.
#[derive(Debug, Default)]
pub(super) struct Comparison {
    original: Vec<u8>,
    compared: usize,
    ahead: Vec<u8>,
}

impl Comparison {
    /// Starts over with an encoder of which nothing was seen.
    pub(super) fn rewind(&mut self) {
        self.compared = 0;
        self.ahead.clear();
    }

    /// Bytes of the blob that wait to be compared.
    pub(super) fn lag(&self) -> usize {
        self.original.len() - self.compared
    }

    /// Keeps the blob's next bytes without comparing them.
    pub(super) fn keep(&mut self, bytes: &[u8]) {
        self.original.extend_from_slice(bytes);
    }

    /// Takes the blob's next bytes.
    pub(super) fn original(&mut self, bytes: &[u8]) -> Result<(), Stop> {
        if self.compared == self.original.len() {
            self.original.clear();
            self.compared = 0;
        } else if self.compared >= MAX_LAG {
            self.original.drain(..self.compared);
            self.compared = 0;
        }
        let common = self.ahead.len().min(bytes.len());
        let (now, later) = bytes.split_at(common);
        if !self.ahead.starts_with(now) {
            return Err(Stop::Differs);
        }
        self.ahead.drain(..common);
        self.original.extend_from_slice(later);
        if self.lag() > MAX_LAG { Err(Stop::Differs) } else { Ok(()) }
    }

    /// Takes what the encoder emitted.
    pub(super) fn emitted(&mut self, bytes: &[u8]) -> Result<(), Stop> {
        let waiting = self.original.get(self.compared..).unwrap_or_default();
        let common = waiting.len().min(bytes.len());
        let (now, later) = bytes.split_at(common);
        if !waiting.starts_with(now) {
            return Err(Stop::Differs);
        }
        self.compared += common;
        self.ahead.extend_from_slice(later);
        if self.ahead.len() > MAX_LAG { Err(Stop::Differs) } else { Ok(()) }
    }

    /// The blob's bytes kept so far.
    pub(super) fn kept(&self) -> &[u8] {
        &self.original
    }

    /// All of the blob's bytes that were kept since the start.
    pub(super) fn into_original(self) -> Vec<u8> {
        self.original
    }

    /// Whether all of the blob's bytes were compared, and then these bits of its next byte agree too: with what the encoder has
    /// emitted beyond, or with what it has ready.
    pub(super) fn settled_with(&self, tail: Bits, rest: Option<Bits>) -> bool {
        if self.lag() != 0 {
            return false;
        }
        if tail.count == 0 {
            return true;
        }
        let mask = !(0xff_u8.checked_shl(tail.count.into()).unwrap_or(0));
        match self.ahead.first() {
            Some(next) => next & mask == tail.value,
            None => rest.is_some_and(|rest| rest.count >= tail.count && rest.value & mask == tail.value),
        }
    }

    /// Whether everything on both sides was compared.
    pub(super) fn settled(&self) -> bool {
        self.lag() == 0 && self.ahead.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn either_side_may_lead() {
        let mut c = Comparison::default();
        assert_eq!(c.original(b"abc"), Ok(()));
        assert_eq!(c.emitted(b"ab"), Ok(()));
        assert!(!c.settled());
        assert_eq!(c.emitted(b"cde"), Ok(()));
        assert!(!c.settled());
        assert_eq!(c.original(b"d"), Ok(()));
        assert_eq!(c.original(b"efg"), Ok(()));
        assert_eq!(c.emitted(b"fg"), Ok(()));
        assert!(c.settled());
    }

    #[test]
    fn a_difference_shows_from_either_side() {
        let mut c = Comparison::default();
        assert_eq!(c.emitted(b"ab"), Ok(()));
        assert_eq!(c.original(b"ax"), Err(Stop::Differs));
        let mut c = Comparison::default();
        assert_eq!(c.original(b"ax"), Ok(()));
        assert_eq!(c.emitted(b"ab"), Err(Stop::Differs));
    }

    #[test]
    fn neither_side_may_lead_for_ever() {
        let mut c = Comparison::default();
        assert_eq!(c.original(&vec![0; MAX_LAG]), Ok(()));
        assert_eq!(c.original(&[0]), Err(Stop::Differs));
        let mut c = Comparison::default();
        assert_eq!(c.emitted(&vec![0; MAX_LAG]), Ok(()));
        assert_eq!(c.emitted(&[0]), Err(Stop::Differs));
    }

    #[test]
    fn rewinding_compares_from_the_start_again() {
        let mut c = Comparison::default();
        c.keep(b"abc");
        assert_eq!(c.emitted(b"abx"), Err(Stop::Differs));
        c.rewind();
        assert_eq!(c.emitted(b"abc"), Ok(()));
        assert!(c.settled());
    }
}
