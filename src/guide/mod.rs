//! Guides: how things are done with this library. Their examples are compiled, and run where they can be: against a scripted
//! transport, or against the emulator of a server.
//!
//! | to | read |
//! |---|---|
//! | make the first call | [`getting_started`] |
//! | show an answer as it comes | [`streaming`] |
//! | give up, wait longer, wait less | [`pace`] |
//! | see what of the server is here | [`coverage`] |

#[doc = include_str!("coverage.md")]
pub mod coverage {}
#[doc = include_str!("from_go_tabbyapi.md")]
pub mod from_go_tabbyapi {}
#[doc = include_str!("getting_started.md")]
pub mod getting_started {}
#[doc = include_str!("pace.md")]
pub mod pace {}
#[doc = include_str!("streaming.md")]
pub mod streaming {}
