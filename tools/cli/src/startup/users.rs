//! Users by name, as the image's own `/etc/passwd` and `/etc/group` have them.

use firn_fusefs::fs::Fs;

/// Largest file of names that is read, in bytes.
const MAX_FILE: usize = 1 << 20;

/// Whom a container runs as.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Ids {
    /// User.
    pub uid: u32,
    /// Group.
    pub gid: u32,
}

/// The numbers of `user[:group]`. `None` if a name is in neither file.
pub fn ids(fs: &Fs, user: &str) -> Option<Ids> {
    resolve(user, &file(fs, &[b"etc", b"passwd"]), &file(fs, &[b"etc", b"group"]))
}

fn resolve(user: &str, passwd: &str, groups: &str) -> Option<Ids> {
    let (user, group) = user.split_once(':').map_or((user, None), |(user, group)| (user, Some(group)));
    let user = if user.is_empty() { "0" } else { user };
    let line = |file: &'_ str, name: &str, number: usize| {
        let found = file.lines().find(|line| {
            let mut fields = line.split(':');
            fields.next() == Some(name) || fields.nth(1) == Some(name)
        });
        found.and_then(|line| line.split(':').nth(number)?.parse::<u32>().ok())
    };
    let uid = user.parse().ok().or_else(|| line(passwd, user, 2))?;
    let gid = match group.filter(|group| !group.is_empty()) {
        Some(group) => group.parse().ok().or_else(|| line(groups, group, 2))?,
        None => line(passwd, user, 3).unwrap_or(0),
    };
    Some(Ids { uid, gid })
}

/// The text of a file; empty where there is none that can be read.
fn file(fs: &Fs, path: &[&[u8]]) -> String {
    let mut ino = firn_fusefs::engine::Ino::ROOT;
    for name in path {
        match fs.lookup(ino, name) {
            Ok(Some(found)) => ino = found.ino,
            _ => return String::new(),
        }
    }
    let mut bytes = vec![0; MAX_FILE];
    let len = fs.read(ino, 0, &mut bytes).unwrap_or(0);
    String::from_utf8_lossy(bytes.get(..len).unwrap_or_default()).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers() {
        let passwd = "root:x:0:0:root:/root:/bin/sh\nwww-data:x:33:34:www:/var/www:/bin/false\nbroken\n";
        let groups = "root:x:0:\nadm:x:4:www-data\n";
        let ids = |user| resolve(user, passwd, groups).map(|ids| (ids.uid, ids.gid));
        assert_eq!(ids(""), Some((0, 0)));
        assert_eq!(ids("www-data"), Some((33, 34)));
        assert_eq!(ids("33"), Some((33, 34)));
        assert_eq!(ids("www-data:adm"), Some((33, 4)));
        assert_eq!(ids("1000"), Some((1000, 0)));
        assert_eq!(ids("1000:2000"), Some((1000, 2000)));
        assert_eq!(ids(":4"), Some((0, 4)));
        for unknown in ["nobody", "33:wheel", "broken", "-1", "99999999999"] {
            assert_eq!(ids(unknown), None, "{unknown}");
        }
    }
}
