//! Guides. Their examples are compiled, and run against a scripted transport or an emulated server where possible.
//!
//! | to | read |
//! |---|---|
//! | make the first call | [`getting_started`] |
//! | show a response as it arrives | [`streaming`] |
//! | set timeouts | [`timeouts`] |
//! | handle errors | [`errors`], [`troubleshooting`] |
//! | find out what is wrong with a server | [`doctor`] |
//! | let the model call functions | [`tools`] |
//! | get typed values instead of text | [`structured_output`] |
//! | use another HTTP stack or runtime | [`own_executor`] |
//! | test code that uses this library | [`testing`] |
//! | forward responses to browsers from a service | [`serving`] |
//! | run it behind nginx or in a container | [`deployment`] |
//! | migrate from another library | [`from_go_tabbyapi`], [`from_async_openai`] |
//! | see which routes are supported | [`coverage`] |
//! | use TabbyML/tabby, the coding assistant, instead | `tabbyml` (feature `tabbyml`) |

#[doc = include_str!("coverage.md")]
pub mod coverage {}
#[doc = include_str!("deployment.md")]
pub mod deployment {}
#[doc = include_str!("doctor.md")]
pub mod doctor {}
#[doc = include_str!("errors.md")]
pub mod errors {}
#[doc = include_str!("from_async_openai.md")]
pub mod from_async_openai {}
#[doc = include_str!("from_go_tabbyapi.md")]
pub mod from_go_tabbyapi {}
#[doc = include_str!("getting_started.md")]
pub mod getting_started {}
#[doc = include_str!("own_executor.md")]
pub mod own_executor {}
#[doc = include_str!("timeouts.md")]
pub mod timeouts {}
#[doc = include_str!("serving.md")]
pub mod serving {}
#[doc = include_str!("streaming.md")]
pub mod streaming {}
#[doc = include_str!("structured_output.md")]
pub mod structured_output {}
#[cfg(feature = "tabbyml")]
#[doc = include_str!("tabbyml.md")]
pub mod tabbyml {}
#[doc = include_str!("testing.md")]
pub mod testing {}
#[doc = include_str!("tools.md")]
pub mod tools {}
#[doc = include_str!("troubleshooting.md")]
pub mod troubleshooting {}
