//! Which images the corpus holds: every layer's content, origin and compressor.
//!
//! Two applications (a Python web service and a Node build chain) in four versions each, on two releases of a Debian base
//! that differ by an `apt-get upgrade`, as a registry sees them month after month.

use super::compress::Compressor;
use super::oddities::TarStyle;

/// Raise when the code that carries a recipe out changes what it makes.
pub const RECIPE_VERSION: u32 = 2;

/// How a layer's content is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recipe {
    /// A minimal Debian, as one layer.
    Debootstrap,
    /// The parent's filesystem after `apt-get upgrade`, as one layer of its own.
    Upgrade,
    /// Debian packages installed on the parent.
    Apt(&'static [&'static str]),
    /// Pinned PyPI packages, copied in.
    Pip(&'static [&'static str]),
    /// A Node release with npm, copied in.
    Node(&'static str),
    /// Pinned npm packages, copied in.
    Npm(&'static [&'static str]),
    /// Deletions, replacements and odd files, packed by umoci.
    Edits(u64),
    /// Odd files and whiteouts packed by another tar program.
    Tar(TarStyle, u64),
}

/// One layer on top of a parent stage.
#[derive(Debug, Clone, Copy)]
pub struct Stage {
    /// Unique name.
    pub name: &'static str,
    /// The stage below; none for a first layer.
    pub parent: Option<&'static str>,
    /// Its content.
    pub recipe: Recipe,
    /// Who compresses it.
    pub compressor: Compressor,
}

/// An image: a tag and its topmost stage.
#[derive(Debug, Clone, Copy)]
pub struct Image {
    /// Tag in the corpus layout.
    pub tag: &'static str,
    /// Its last layer.
    pub stage: &'static str,
    /// What it starts.
    pub program: &'static [&'static str],
}

const fn stage(name: &'static str, parent: &'static str, recipe: Recipe, compressor: Compressor) -> Stage {
    Stage { name, parent: Some(parent), recipe, compressor }
}

const fn image(tag: &'static str) -> Image {
    Image { tag, stage: tag, program: &["/bin/bash"] }
}

const PYTHON: Recipe = Recipe::Apt(&["python3", "ca-certificates", "libcap2-bin"]);

use Compressor as C;

/// All stages, parents first.
pub const STAGES: &[Stage] = &[
    Stage { name: "base-1", parent: None, recipe: Recipe::Debootstrap, compressor: C::Go },
    Stage { name: "base-2", parent: Some("base-1"), recipe: Recipe::Upgrade, compressor: C::Umoci },
    stage("python-1", "base-1", PYTHON, C::Go),
    stage("python-2", "base-2", PYTHON, C::Gzip(9)),
    stage("nginx", "base-1", Recipe::Apt(&["nginx-light"]), C::Go),
    stage(
        "web-app-1",
        "python-1",
        Recipe::Pip(&[
            "django==5.2.14",
            "numpy==2.3.2",
            "sqlalchemy==2.0.43",
            "pillow==11.3.0",
            "botocore==1.40.0",
            "cryptography==45.0.5",
        ]),
        C::Go,
    ),
    stage(
        "web-app-2",
        "python-1",
        Recipe::Pip(&[
            "django==5.2.15",
            "numpy==2.3.3",
            "sqlalchemy==2.0.43",
            "pillow==11.3.0",
            "botocore==1.40.10",
            "cryptography==45.0.5",
        ]),
        C::Python(6),
    ),
    stage(
        "web-app-3",
        "python-2",
        Recipe::Pip(&[
            "django==5.2.16",
            "numpy==2.3.4",
            "sqlalchemy==2.0.44",
            "pillow==12.0.0",
            "botocore==1.40.20",
            "cryptography==45.0.6",
        ]),
        C::Pigz,
    ),
    stage(
        "web-app-4",
        "python-2",
        Recipe::Pip(&[
            "django==5.2.17",
            "numpy==2.3.5",
            "sqlalchemy==2.0.44",
            "pillow==12.0.0",
            "botocore==1.40.30",
            "cryptography==45.0.7",
        ]),
        C::Umoci,
    ),
    stage("web-1", "web-app-1", Recipe::Tar(TarStyle::GnuPosix, 1), C::Gzip(6)),
    stage("web-2", "web-app-2", Recipe::Edits(2), C::Python(9)),
    stage("web-3", "web-app-3", Recipe::Tar(TarStyle::GnuOld, 5), C::Gzip(9)),
    stage("web-4", "web-app-4", Recipe::Tar(TarStyle::GnuPosix, 4), C::Go),
    stage("node-1", "base-1", Recipe::Node("22.17.0"), C::Gzip(6)),
    stage("node-2", "base-1", Recipe::Node("22.17.1"), C::SkopeoGzip),
    stage("node-3", "base-2", Recipe::Node("22.18.0"), C::Go),
    stage("node-4", "base-2", Recipe::Node("22.19.0"), C::SkopeoZstd),
    stage(
        "build-app-1",
        "node-1",
        Recipe::Npm(&["typescript@5.7.3", "express@5.0.1", "webpack@5.110.1", "eslint@10.9.0", "react-dom@19.2.4"]),
        C::Gzip(1),
    ),
    stage(
        "build-app-2",
        "node-2",
        Recipe::Npm(&["typescript@5.8.2", "express@5.1.0", "webpack@5.110.2", "eslint@10.10.0", "react-dom@19.2.5"]),
        C::Umoci,
    ),
    stage(
        "build-app-3",
        "node-3",
        Recipe::Npm(&["typescript@5.8.3", "express@5.2.0", "webpack@5.110.3", "eslint@10.11.0", "react-dom@19.2.6"]),
        C::Zstd,
    ),
    stage(
        "build-app-4",
        "node-4",
        Recipe::Npm(&["typescript@5.9.2", "express@5.2.1", "webpack@5.111.0", "eslint@10.12.0", "react-dom@19.2.7"]),
        C::Python(9),
    ),
    stage("build-1", "build-app-1", Recipe::Tar(TarStyle::GnuOld, 1), C::Go),
    stage("build-2", "build-app-2", Recipe::Tar(TarStyle::Python, 2), C::Python(6)),
    stage("build-3", "build-app-3", Recipe::Edits(3), C::Umoci),
    stage("build-4", "build-app-4", Recipe::Tar(TarStyle::Ustar, 4), C::Plain),
];

/// The images, in the order in which they were published.
pub const IMAGES: &[Image] = &[
    image("web-1"),
    image("build-1"),
    image("web-2"),
    image("build-2"),
    image("web-3"),
    image("build-3"),
    image("web-4"),
    image("build-4"),
];

/// An image that is none of a series, for what only a server shows.
pub const SERVER: Image = Image { tag: "nginx", stage: "nginx", program: &["nginx", "-g", "daemon off;"] };

/// The stage of that name.
pub fn find(name: &str) -> Option<&'static Stage> {
    STAGES.iter().find(|s| s.name == name)
}

/// A stage's ancestry, first layer first. [`Recipe::Debootstrap`] and [`Recipe::Upgrade`] start an image anew.
pub fn chain(name: &str) -> Vec<&'static Stage> {
    let mut layers = Vec::new();
    let mut next = find(name);
    while let Some(stage) = next {
        layers.push(stage);
        let first = matches!(stage.recipe, Recipe::Debootstrap | Recipe::Upgrade);
        next = if first { None } else { stage.parent.and_then(find) };
    }
    layers.reverse();
    layers
}

/// Text that changes when anything that goes into a stage changes.
pub fn fingerprint(stage: &Stage) -> String {
    let parent = stage.parent.and_then(find).map(fingerprint).unwrap_or_default();
    let text = format!("{RECIPE_VERSION} {parent} {} {:?} {:?}", stage.name, stage.recipe, stage.compressor);
    crate::digest::of_bytes(text.as_bytes())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_parent_comes_first_and_names_are_unique() {
        let mut seen = BTreeSet::new();
        for stage in STAGES {
            assert!(stage.parent.is_none_or(|p| seen.contains(p)), "{} before its parent", stage.name);
            assert!(seen.insert(stage.name), "{} twice", stage.name);
        }
        assert!(IMAGES.len() >= 8 && IMAGES.iter().all(|i| seen.contains(i.stage)) && seen.contains(SERVER.stage));
    }

    #[test]
    fn every_compressor_is_used_by_an_image() {
        let used: BTreeSet<String> = IMAGES.iter().flat_map(|i| chain(i.stage)).map(|s| s.compressor.name()).collect();
        for name in [
            "umoci",
            "go",
            "skopeo-gzip",
            "skopeo-zstd",
            "zstd",
            "gzip-1",
            "gzip-6",
            "gzip-9",
            "pigz",
            "python-6",
            "python-9",
            "none",
        ] {
            assert!(used.contains(name), "no layer by {name}");
        }
    }

    #[test]
    fn a_flattened_base_starts_its_chain() {
        let names: Vec<_> = chain("web-4").iter().map(|s| s.name).collect();
        assert_eq!(names, ["base-2", "python-2", "web-app-4", "web-4"]);
    }
}
