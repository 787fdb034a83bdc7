//! The program, run against the emulator.

mod batch;
mod chat;
mod doctor;
mod errors;
mod generate;
mod help;
mod keys;
mod manage;
mod ml;
mod support;
mod tape;
#[cfg(unix)]
mod terminal;
