//! Images out of the archive, exactly as they went in.

mod layout;
mod verify;

pub use layout::{LayoutWriter, OciArchiveWriter, OciLayoutWriter, Restored, restore};
pub use verify::{Finding, VerifyReport, verify_image};
