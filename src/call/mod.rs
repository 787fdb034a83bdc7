//! The sans-IO machine of one operation.

mod record;
mod time;

pub use record::{Attempt, Record};
pub use time::Time;
