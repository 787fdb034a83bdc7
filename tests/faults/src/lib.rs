//! What goes wrong between a client and its server, made to order, over real sockets.

mod fault;
mod proxy;
mod subject;

pub use fault::{At, Fault, Then};
pub use proxy::Proxy;
pub use subject::{LONG, Op, SHORT, Seen, Subject};
