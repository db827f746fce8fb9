//! Tar streams, member by member.

/// A tar stream in the making.
#[derive(Default)]
pub struct Tar {
    bytes: Vec<u8>,
}

/// One member; the defaults are those of a plain file of root's.
#[derive(Clone)]
pub struct Member<'a> {
    pub path: &'a str,
    pub kind: u8,
    pub mode: u32,
    pub uid: u32,
    pub link: &'a str,
    pub data: &'a [u8],
    pub mtime: u64,
    pub device: (u32, u32),
}

impl Default for Member<'_> {
    fn default() -> Self {
        let (path, link, data) = ("", "", &[][..]);
        Member { path, kind: b'0', mode: 0o644, uid: 0, link, data, mtime: 1_700_000_000, device: (0, 0) }
    }
}

impl Tar {
    pub fn member(mut self, member: Member<'_>) -> Self {
        self.bytes.extend_from_slice(&header(&member));
        self.bytes.extend_from_slice(member.data);
        self.pad();
        self
    }

    pub fn file(self, path: &str, data: &[u8]) -> Self {
        self.member(Member { path, data, ..Member::default() })
    }

    pub fn dir(self, path: &str) -> Self {
        self.member(Member { path, kind: b'5', mode: 0o755, ..Member::default() })
    }

    pub fn symlink(self, path: &str, link: &str) -> Self {
        self.member(Member { path, link, kind: b'2', mode: 0o777, ..Member::default() })
    }

    pub fn hardlink(self, path: &str, link: &str) -> Self {
        self.member(Member { path, link, kind: b'1', ..Member::default() })
    }

    /// A PAX header for the next member.
    pub fn pax(self, records: &[(&str, &[u8])]) -> Self {
        let mut body = Vec::new();
        for (key, value) in records {
            let rest = key.len() + value.len() + 3;
            let mut len = rest + 1;
            while rest + len.to_string().len() != len {
                len = rest + len.to_string().len();
            }
            body.extend_from_slice(format!("{len} {key}=").as_bytes());
            body.extend_from_slice(value);
            body.push(b'\n');
        }
        self.member(Member { path: "PaxHeaders/x", kind: b'x', data: &body, ..Member::default() })
    }

    fn pad(&mut self) {
        self.bytes.resize(self.bytes.len().next_multiple_of(512), 0);
    }

    /// Any bytes at all.
    pub fn raw(mut self, bytes: &[u8]) -> Self {
        self.bytes.extend_from_slice(bytes);
        self
    }

    pub fn unfinished(self) -> Vec<u8> {
        self.bytes
    }

    pub fn finish(mut self) -> Vec<u8> {
        self.bytes.extend_from_slice(&[0; 1024]);
        self.bytes
    }
}

fn header(member: &Member<'_>) -> [u8; 512] {
    let mut header = [0u8; 512];
    let mut put = |at: usize, text: &[u8]| header[at..at + text.len()].copy_from_slice(text);
    put(0, member.path.as_bytes());
    put(100, format!("{:07o}\0", member.mode).as_bytes());
    put(108, format!("{:07o}\0", member.uid).as_bytes());
    put(116, format!("{:07o}\0", member.uid).as_bytes());
    put(124, format!("{:011o}\0", member.data.len()).as_bytes());
    put(136, format!("{:011o}\0", member.mtime).as_bytes());
    put(148, b"        ");
    put(156, &[member.kind]);
    put(157, member.link.as_bytes());
    put(257, b"ustar\x0000");
    put(329, format!("{:07o}\0", member.device.0).as_bytes());
    put(337, format!("{:07o}\0", member.device.1).as_bytes());
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    header
}
