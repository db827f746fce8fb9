//! OCI documents and the places images come from.

mod docker;
mod document;
mod layout;
mod reference;
mod source;
mod tarfile;

pub(crate) use document::MAX_DOCUMENT;
pub use document::{Descriptor, Document, Platform, media};
pub use reference::{Reference, ReferenceError, Selector, Transport};
pub use source::{ImageSource, open_source};
