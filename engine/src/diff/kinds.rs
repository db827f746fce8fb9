//! In what a path may differ.

use std::fmt;
use std::str::FromStr;

/// One way to differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Another type of file.
    Type,
    /// Bytes of a file, or where its holes are.
    Content,
    /// Permission bits.
    Mode,
    /// User or group.
    Owner,
    /// Modification time.
    Time,
    /// Extended attributes.
    Xattrs,
    /// Target of a symbolic link.
    Target,
    /// Device number.
    Device,
    /// Which other names are the same file.
    Links,
}

impl Kind {
    /// All of them.
    pub const ALL: [Kind; 9] = [
        Kind::Type,
        Kind::Content,
        Kind::Mode,
        Kind::Owner,
        Kind::Time,
        Kind::Xattrs,
        Kind::Target,
        Kind::Device,
        Kind::Links,
    ];

    /// Its name, as it is shown and read.
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Type => "type",
            Kind::Content => "content",
            Kind::Mode => "mode",
            Kind::Owner => "owner",
            Kind::Time => "time",
            Kind::Xattrs => "xattrs",
            Kind::Target => "target",
            Kind::Device => "device",
            Kind::Links => "links",
        }
    }
}

impl FromStr for Kind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let names: Vec<&str> = Kind::ALL.into_iter().map(Kind::as_str).collect();
        let found = Kind::ALL.into_iter().find(|kind| kind.as_str() == text);
        found.ok_or_else(|| format!("'{text}' is none of {}", names.join(", ")))
    }
}

/// A set of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Kinds(u16);

impl Kinds {
    /// Whether there is none.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether `kind` is one of them.
    pub fn contains(self, kind: Kind) -> bool {
        self.0 & (1 << kind as u16) != 0
    }

    /// Those in it, in the order of [`Kind::ALL`].
    pub fn iter(self) -> impl Iterator<Item = Kind> {
        Kind::ALL.into_iter().filter(move |kind| self.contains(*kind))
    }

    /// Adds `kind` if `differs`.
    pub(super) fn note(&mut self, kind: Kind, differs: bool) {
        self.0 |= u16::from(differs) << kind as u16;
    }

    pub(super) fn without(self, others: Kinds) -> Kinds {
        Kinds(self.0 & !others.0)
    }
}

impl FromIterator<Kind> for Kinds {
    fn from_iter<I: IntoIterator<Item = Kind>>(kinds: I) -> Self {
        let mut set = Kinds::default();
        kinds.into_iter().for_each(|kind| set.note(kind, true));
        set
    }
}

impl fmt::Display for Kinds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.iter().map(Kind::as_str).collect();
        f.write_str(&names.join(","))
    }
}
