//! An archive's far end in a bucket: [`firn_engine::remote::Remote`] over the AWS SDK, for S3 itself and for servers that
//! speak its protocol.
//!
//! A package of its own, as the SDK takes longer to compile than the whole engine, which needs none of it.

mod bucket;
mod failure;
mod location;
mod settings;
mod upload;

pub use bucket::S3Bucket;
pub use location::{Location, LocationError};
pub use settings::{Checksums, ConnectError, Settings};
