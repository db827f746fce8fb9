//! Images out of the archive: exactly as they went in, as a docker archive, or merged into one tree.

mod anew;
mod archive_file;
mod content;
mod destination;
mod dir;
mod docker;
mod layout;
mod new_file;
mod pax;
mod tree_tar;
mod ustar;
mod verify;
mod walk;

pub use archive_file::OciArchiveWriter;
pub use destination::{Destination, DestinationError};
pub use dir::{DirRestored, EmptyDir, Skipped, restore_dir};
pub use docker::{DockerName, DockerRestored, restore_docker};
pub use layout::{LayoutWriter, OciLayoutWriter, Restored, restore};
pub use new_file::NewFile;
pub use tree_tar::{TreeRestored, restore_tar};
pub use verify::{Finding, Verifier, VerifyReport, verify_image};
