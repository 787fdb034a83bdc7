//! What the core uses of the crate `smol_str`, in a quarter of its code, for the module that browsers load: a string that is shared.
//! Short ones are not held inline, for what the module makes of them lives longer than a token.

use std::sync::Arc;

/// A string that is cheap to clone.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SmolStr(Arc<str>);

impl SmolStr {
    pub fn new(text: impl AsRef<str>) -> Self {
        SmolStr(text.as_ref().into())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for SmolStr {
    fn default() -> Self {
        SmolStr::new("")
    }
}

impl From<String> for SmolStr {
    fn from(text: String) -> Self {
        SmolStr::new(text)
    }
}

impl From<SmolStr> for String {
    fn from(text: SmolStr) -> Self {
        text.as_str().to_owned()
    }
}

#[cfg(feature = "serde")]
impl serde_core::Serialize for SmolStr {
    fn serialize<S: serde_core::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

#[cfg(feature = "serde")]
impl<'de> serde_core::Deserialize<'de> for SmolStr {
    fn deserialize<D: serde_core::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(SmolStr::from)
    }
}
