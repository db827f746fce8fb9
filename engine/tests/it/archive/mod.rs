//! Images through a whole archive.

mod crash;
mod differences;
mod directory;
mod docker;
mod far;
mod hostile;
mod pins;
mod round_trip;
mod settle;
mod sharing;
mod trees;
