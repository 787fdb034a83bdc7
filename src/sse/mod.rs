//! Stand-in until the parser lands.
#![allow(missing_docs)]
use bytes::Bytes;
#[derive(Debug)]
pub struct Parser;
#[derive(Debug)]
pub struct Overflow {
    pub limit: usize,
}
#[derive(Debug)]
pub struct Event<'a> {
    pub event: &'a str,
    pub data: &'a str,
}
impl Parser {
    pub fn with_max_event_bytes(_: usize) -> Self {
        Parser
    }
    pub fn feed(&mut self, _: Bytes) {}
    pub fn next(&mut self) -> Result<Option<Event<'_>>, Overflow> {
        Ok(None)
    }
    pub fn data_bytes(&self) -> u64 {
        0
    }
}
