//! The module of the npm package: the exports of `tabbyapi-js`, and nothing besides.

pub use tabbyapi_js::machine;
