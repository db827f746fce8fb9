//! The config file.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::failure::Failure;

/// What a config file may say.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The archive that is meant when none is named.
    pub archive: Option<PathBuf>,
}

impl Settings {
    /// Reads the file that was named, or the first of the usual ones that exists.
    pub fn load(named: Option<&Path>) -> Result<Self, Failure> {
        if let Some(path) = named {
            return read(path)?.ok_or_else(|| Failure::usage(format!("there is no config file {}", path.display())));
        }
        let home = std::env::var_os("XDG_CONFIG_HOME")
            .map(PathBuf::from)
            .or_else(|| std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".config")));
        for dir in home.into_iter().chain([PathBuf::from("/etc")]) {
            if let Some(settings) = read(&dir.join("firn").join("config.toml"))? {
                return Ok(settings);
            }
        }
        Ok(Settings::default())
    }
}

fn read(path: &Path) -> Result<Option<Settings>, Failure> {
    match std::fs::read_to_string(path) {
        Ok(text) => toml::from_str(&text)
            .map(Some)
            .map_err(|error| Failure::usage(format!("config file {}: {error}", path.display()))),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Failure::system(format!("reading the config file {}", path.display()))(error)),
    }
}
