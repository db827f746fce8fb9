//! Member paths, taken apart.

use super::limits::MAX_NAME;

/// Why a path has no components.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PathError {
    /// A component of this many bytes, over 255.
    NameTooLong(usize),
    /// A NUL byte.
    Nul,
}

/// Splits a raw path into components: leading `/`, empty and `.` components vanish, `..` takes the component before it
/// away and does nothing at the root. Lexical: symbolic links play no part. Empty for the root itself.
pub(super) fn split(path: &[u8]) -> Result<Vec<&[u8]>, PathError> {
    if path.contains(&0) {
        return Err(PathError::Nul);
    }
    let mut components = Vec::new();
    for component in path.split(|&byte| byte == b'/') {
        match component {
            b"" | b"." => {}
            b".." => {
                components.pop();
            }
            name if name.len() > MAX_NAME => return Err(PathError::NameTooLong(name.len())),
            name => components.push(name),
        }
    }
    Ok(components)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn joined(path: &[u8]) -> Vec<u8> {
        split(path).unwrap().join(&b'/')
    }

    #[test]
    fn paths_stay_inside_the_root() {
        for (path, clean) in [
            (&b"./a//b/./c/"[..], &b"a/b/c"[..]),
            (b"/etc/passwd", b"etc/passwd"),
            (b"../../x", b"x"),
            (b"a/../../b", b"b"),
            (b"a/b/..", b"a"),
            (b"./", b""),
            (b"/", b""),
            (b"...", b"..."),
            (b"a\n/\xff", b"a\n/\xff"),
        ] {
            assert_eq!(joined(path), clean, "{}", path.escape_ascii());
        }
    }

    #[test]
    fn component_of_255_bytes_passes_and_256_fails() {
        assert_eq!(joined(&[b'x'; 255]).len(), 255);
        let long = [&b"a/"[..], &[b'x'; 256]].concat();
        assert_eq!(split(&long), Err(PathError::NameTooLong(256)));
        assert_eq!(split(b"a\0b"), Err(PathError::Nul));
    }
}
