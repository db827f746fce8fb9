//! From a member's path, which may be anything, to names inside the root.

use thiserror::Error;

/// Longest name, in bytes, that a Linux filesystem holds.
pub const NAME_MAX: usize = 255;

/// A path that no filesystem could hold.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PathError {
    /// A component longer than [`NAME_MAX`].
    #[error("the name \"{}\" has {} bytes; no Linux filesystem holds more than {NAME_MAX}", component.escape_ascii(), component.len())]
    NameTooLong {
        /// The component.
        component: Vec<u8>,
    },
    /// A NUL byte.
    #[error("the path \"{}\" contains a NUL byte", path.escape_ascii())]
    Nul {
        /// The path.
        path: Vec<u8>,
    },
}

/// Splits a path into the names from the root to what it means; none of them is empty, `.`, `..` or holds `/` or NUL.
///
/// The rule is umoci's `CleanPath`: purely by its text, an absolute path is taken from the root, empty components and `.` are
/// dropped, and `..` takes away the name before it or, at the root, nothing. So `a/../b` is `b` even if `a` is a symbolic
/// link, `../../etc` is `etc`, and an empty result is the root itself. Symbolic links among the names are the tree's matter.
///
/// # Errors
/// A NUL anywhere, or a name of more than [`NAME_MAX`] bytes among those that remain.
pub fn normalise(path: &[u8]) -> Result<Vec<&[u8]>, PathError> {
    if path.contains(&0) {
        return Err(PathError::Nul { path: path.to_vec() });
    }
    let mut names = Vec::new();
    for component in path.split(|&byte| byte == b'/') {
        match component {
            b"" | b"." => {}
            b".." => {
                names.pop();
            }
            name => names.push(name),
        }
    }
    match names.iter().find(|name| name.len() > NAME_MAX) {
        Some(&name) => Err(PathError::NameTooLong { component: name.to_vec() }),
        None => Ok(names),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stays_inside_the_root() {
        for (path, names) in [
            ("usr/bin/env", &["usr", "bin", "env"][..]),
            ("./usr//bin/./env/", &["usr", "bin", "env"]),
            ("/etc/passwd", &["etc", "passwd"]),
            ("///a", &["a"]),
            ("a/../b", &["b"]),
            ("a/b/../../c", &["c"]),
            ("../../../etc/passwd", &["etc", "passwd"]),
            ("/../x", &["x"]),
            ("a/../../../x", &["x"]),
            ("a/..", &[]),
            ("..", &[]),
            (".", &[]),
            ("./", &[]),
            ("/", &[]),
            ("", &[]),
            ("...", &["..."]),
            ("..a/.b/c..", &["..a", ".b", "c.."]),
        ] {
            let names: Vec<&[u8]> = names.iter().map(|name| name.as_bytes()).collect();
            assert_eq!(normalise(path.as_bytes()), Ok(names), "{path}");
        }
    }

    #[test]
    fn names_have_at_most_255_bytes() {
        let fits = vec![b'n'; 255];
        assert_eq!(normalise(&fits), Ok(vec![&fits[..]]));
        let long = vec![b'n'; 256];
        let path = [b"a/", &long[..], b"/b"].concat();
        let error = normalise(&path).unwrap_err();
        assert!(error.to_string().contains("has 256 bytes"), "{error}");
        assert_eq!(error, PathError::NameTooLong { component: long.clone() });
        // What `..` takes away never reaches a filesystem.
        assert_eq!(normalise(&[b"a/", &long[..], b"/../b"].concat()), Ok(vec![&b"a"[..], b"b"]));
        assert_eq!(normalise(b"a\0b"), Err(PathError::Nul { path: b"a\0b".to_vec() }));
    }
}
