//! What the module promises as a whole.

pub(in crate::tar) mod build;
mod golden;
mod handmade;
mod hostile;
mod property;
mod run;
