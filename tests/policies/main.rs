//! The policies of a client under virtual time: several servers, breakers, limits, budgets.

#[path = "../common/mod.rs"]
mod common;
mod harness;

mod budgets;
mod keys;
mod limits;
mod servers;
