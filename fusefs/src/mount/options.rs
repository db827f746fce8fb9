//! Mount options: what can be set, and the `-o` strings that set it.

use libc::c_ulong;

/// Upper bound of `threads=` and `readers=`.
const MAX_THREADS: usize = 256;

/// How a filesystem is to be mounted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MountOptions {
    /// Let users other than the mounting one in; the permissions in the image then decide.
    pub allow_other: bool,
    /// Honour device nodes.
    pub dev: bool,
    /// Honour set-user-id and set-group-id bits and file capabilities.
    pub suid: bool,
    /// Allow programs to be run.
    pub exec: bool,
    /// What the mount table shows as the source.
    pub fsname: String,
    /// Threads that take requests from the kernel, 1 to 256.
    pub threads: usize,
    /// Threads for reads that may have to wait, 1 to 256.
    pub readers: usize,
    /// Whether extended attributes are served even for an image that has none.
    pub xattrs: Xattrs,
    /// How the mount is made.
    pub via: Via,
    /// Security labels (`context=` and its kin), handed to the kernel as they are.
    pub labels: Vec<String>,
}

/// Whether the kernel may be told that there are no extended attributes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Xattrs {
    /// Yes, when the image has none; `user.firn.*` is then not there either.
    #[default]
    Auto,
    /// No.
    Always,
}

/// Who makes the mount.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Via {
    /// This process, or `fusermount3` where it may not.
    #[default]
    Auto,
    /// `fusermount3`.
    Helper,
}

/// An option string that cannot be followed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OptionError {
    /// No such option.
    #[error("unknown mount option `{0}`; known are {KNOWN}")]
    Unknown(String),
    /// The option needs a value.
    #[error("mount option `{0}` needs a value: {0}=…")]
    NeedsValue(&'static str),
    /// The option takes no value.
    #[error("mount option `{0}` takes no value")]
    TakesNoValue(String),
    /// The value cannot be used.
    #[error("mount option `{name}={value}`: {why}")]
    BadValue {
        /// The option.
        name: &'static str,
        /// What was given.
        value: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// The option is known elsewhere and makes no sense here.
    #[error("mount option `{name}` is not possible: {why}")]
    NotPossible {
        /// The option.
        name: String,
        /// Why not, and what to do instead.
        why: &'static str,
    },
}

const KNOWN: &str = "allow_other, [no]dev, [no]suid, [no]exec, fsname=NAME, threads=N, readers=N, \
                     xattr=auto|always, via=auto|fusermount, context=LABEL, and those of every \
                     read-only mount (ro, noatime, defaults, x-…)";

impl Default for MountOptions {
    fn default() -> MountOptions {
        MountOptions {
            allow_other: false,
            dev: false,
            suid: false,
            exec: true,
            fsname: "firn".to_owned(),
            threads: 2,
            readers: 4,
            xattrs: Xattrs::Auto,
            via: Via::Auto,
            labels: Vec::new(),
        }
    }
}

impl MountOptions {
    /// Applies an `-o` string: options separated by commas, later ones win.
    ///
    /// # Errors
    /// The first option that is unknown, malformed or not possible; the options before it are applied.
    pub fn apply(&mut self, text: &str) -> Result<(), OptionError> {
        text.split(',').filter(|option| !option.is_empty()).try_for_each(|option| self.apply_one(option))
    }

    fn apply_one(&mut self, option: &str) -> Result<(), OptionError> {
        let (name, value) = match option.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (option, None),
        };
        if name.starts_with("x-") {
            return Ok(());
        }
        match (name, value) {
            ("fsname", value) => self.fsname = fsname(value)?,
            ("threads", value) => self.threads = threads("threads", value)?,
            ("readers", value) => self.readers = threads("readers", value)?,
            ("xattr", Some("auto")) => self.xattrs = Xattrs::Auto,
            ("xattr", Some("always")) => self.xattrs = Xattrs::Always,
            ("xattr", value) => return Err(choice("xattr", value, "it is auto or always")),
            ("via", Some("auto")) => self.via = Via::Auto,
            ("via", Some("fusermount")) => self.via = Via::Helper,
            ("via", value) => return Err(choice("via", value, "it is auto or fusermount")),
            ("context" | "fscontext" | "defcontext" | "rootcontext", Some(value))
                if !value.is_empty() && !value.contains('\0') =>
            {
                self.labels.push(option.to_owned());
            }
            ("subtype" | "fd" | "user_id" | "group_id" | "rootmode" | "blksize" | "max_read", _) => {
                return Err(not_possible(name, "firn sets it itself"));
            }
            (_, Some(_)) if self.clone().apply_flag(name).is_ok() => {
                return Err(OptionError::TakesNoValue(name.to_owned()));
            }
            (_, Some(_)) => return Err(OptionError::Unknown(option.to_owned())),
            (_, None) => self.apply_flag(name)?,
        }
        Ok(())
    }

    fn apply_flag(&mut self, name: &str) -> Result<(), OptionError> {
        match name {
            "allow_other" => self.allow_other = true,
            "dev" => self.dev = true,
            "nodev" => self.dev = false,
            "suid" => self.suid = true,
            "nosuid" => self.suid = false,
            "exec" => self.exec = true,
            "noexec" => self.exec = false,
            // True of every firn mount, or of no consequence for one that never changes.
            "ro"
            | "default_permissions"
            | "defaults"
            | "noatime"
            | "nodiratime"
            | "relatime"
            | "norelatime"
            | "strictatime"
            | "atime"
            | "diratime"
            | "sync"
            | "async"
            | "dirsync"
            | "lazytime"
            | "nolazytime" => {}
            // For fstab and those who read it.
            "auto" | "noauto" | "nofail" | "_netdev" => {}
            "rw" => {
                return Err(not_possible(name, "an archived image never changes; put an overlay on it"));
            }
            "allow_root" => return Err(not_possible(name, "use allow_other")),
            "auto_unmount" => {
                return Err(not_possible(name, "a mount goes with a signal to its process or with firn umount"));
            }
            "context" => return Err(OptionError::NeedsValue("context")),
            _ => return Err(OptionError::Unknown(name.to_owned())),
        }
        Ok(())
    }

    /// Flags of `mount(2)`.
    pub(super) fn flags(&self) -> c_ulong {
        let mut flags = libc::MS_RDONLY;
        for (allowed, forbid) in
            [(self.dev, libc::MS_NODEV), (self.suid, libc::MS_NOSUID), (self.exec, libc::MS_NOEXEC)]
        {
            if !allowed {
                flags |= forbid;
            }
        }
        flags
    }

    /// Options that are the same for the kernel and for the helper.
    pub(super) fn common(&self) -> Vec<String> {
        let mut options = vec!["default_permissions".to_owned()];
        if self.allow_other {
            options.push("allow_other".to_owned());
        }
        options.extend(self.labels.iter().cloned());
        options
    }

    /// Options for `fusermount3`, which knows the flags by name and needs commas escaped.
    pub(super) fn for_helper(&self) -> String {
        let name = self.fsname.replace('\\', "\\\\").replace(',', "\\,");
        let mut options = vec!["ro".to_owned(), format!("fsname={name}"), "subtype=firn".to_owned()];
        for (allowed, yes, no) in
            [(self.dev, "dev", "nodev"), (self.suid, "suid", "nosuid"), (self.exec, "exec", "noexec")]
        {
            options.push(if allowed { yes } else { no }.to_owned());
        }
        options.extend(self.common());
        options.join(",")
    }
}

fn fsname(value: Option<&str>) -> Result<String, OptionError> {
    match value {
        None | Some("") => Err(OptionError::NeedsValue("fsname")),
        Some(value) if value.contains('\0') || value.len() > 1024 => Err(OptionError::BadValue {
            name: "fsname",
            value: value.escape_default().take(100).collect(),
            why: "it holds a NUL or is longer than 1024 bytes",
        }),
        Some(value) => Ok(value.to_owned()),
    }
}

fn threads(name: &'static str, value: Option<&str>) -> Result<usize, OptionError> {
    let value = value.filter(|value| !value.is_empty()).ok_or(OptionError::NeedsValue(name))?;
    match value.parse() {
        Ok(number @ 1..=MAX_THREADS) => Ok(number),
        _ => Err(OptionError::BadValue { name, value: value.to_owned(), why: "it is a number from 1 to 256" }),
    }
}

fn choice(name: &'static str, value: Option<&str>, why: &'static str) -> OptionError {
    match value {
        None | Some("") => OptionError::NeedsValue(name),
        Some(value) => OptionError::BadValue { name, value: value.to_owned(), why },
    }
}

fn not_possible(name: &str, why: &'static str) -> OptionError {
    OptionError::NotPossible { name: name.to_owned(), why }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Result<MountOptions, OptionError> {
        let mut options = MountOptions::default();
        options.apply(text).map(|()| options)
    }

    #[test]
    fn options_are_applied_in_order() {
        let options = parsed("allow_other,dev,suid,,noexec,fsname=a=b,threads=3,readers=256,nodev").unwrap();
        let want = MountOptions {
            allow_other: true,
            suid: true,
            exec: false,
            fsname: "a=b".into(),
            threads: 3,
            readers: 256,
            ..MountOptions::default()
        };
        assert_eq!(options, want);
        assert_eq!(parsed("").unwrap(), MountOptions::default());
        assert_eq!(parsed("ro,noatime,defaults,_netdev,x-systemd.automount,x-y=z").unwrap(), MountOptions::default());
        assert_eq!(parsed("xattr=always,via=fusermount").unwrap().xattrs, Xattrs::Always);
        assert_eq!(parsed("context=system_u:object_r:x:s0").unwrap().labels, ["context=system_u:object_r:x:s0"]);
    }

    #[test]
    fn wrong_options_say_what_is_wrong() {
        for (text, message) in [
            ("rw", "not possible: an archived image never changes"),
            ("allow_root", "use allow_other"),
            ("auto_unmount", "firn umount"),
            ("frobnicate", "unknown mount option `frobnicate`; known are allow_other"),
            ("frobnicate=1", "unknown mount option `frobnicate=1`"),
            ("allow_other=1", "`allow_other` takes no value"),
            ("threads", "`threads` needs a value"),
            ("threads=", "`threads` needs a value"),
            ("threads=0", "`threads=0`: it is a number from 1 to 256"),
            ("readers=257", "from 1 to 256"),
            ("threads=-1", "from 1 to 256"),
            ("threads=99999999999999999999", "from 1 to 256"),
            ("fsname=", "`fsname` needs a value"),
            ("fsname=a\0b", "holds a NUL"),
            ("xattr=no", "it is auto or always"),
            ("context", "needs a value"),
            ("user_id=0", "firn sets it itself"),
            ("fd=3", "firn sets it itself"),
        ] {
            let error = parsed(text).unwrap_err().to_string();
            assert!(error.contains(message), "{text}: {error}");
        }
    }

    #[test]
    fn nothing_can_be_smuggled_past_the_helper() {
        let options = MountOptions { fsname: "a,allow_other\\,dev".into(), ..MountOptions::default() };
        assert_eq!(
            options.for_helper(),
            "ro,fsname=a\\,allow_other\\\\\\,dev,subtype=firn,nodev,nosuid,exec,default_permissions"
        );
    }

    #[test]
    fn devices_and_set_user_id_are_off_unless_asked_for() {
        let default = MountOptions::default().flags();
        assert_eq!(default, libc::MS_RDONLY | libc::MS_NODEV | libc::MS_NOSUID);
        assert_eq!(parsed("dev,suid,noexec").unwrap().flags(), libc::MS_RDONLY | libc::MS_NOEXEC);
    }
}
