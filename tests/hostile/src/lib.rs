//! Servers that mean harm, and what they may cost: a server over loopback that lies, stalls and floods, and an allocator that
//! knows how much memory was in use at most.

pub mod memory;
pub mod server;
pub mod trials;
