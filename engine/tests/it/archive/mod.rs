//! Images through a whole archive.

mod crash;
mod hostile;
mod round_trip;
mod settle;
mod sharing;
