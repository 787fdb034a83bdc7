//! Macros that declare request types.

use crate::base::{Extra, OrderedJson};

/// The setters of optional fields: `name: Type`, or `name: Type as impl Into<Type>` for a conversion.
macro_rules! setters {
    ($( $(#[doc = $doc:expr])* $name:ident: $type:ty $(as $arg:ty)?, )*) => {
        $( crate::api::fields::setters! { @one [$($doc)*] $name; $type $(as $arg)? } )*
    };
    (@one [$($doc:expr)*] $name:ident; $type:ty) => {
        #[doc = concat!("Sets `", stringify!($name), "`.\n")]
        $(#[doc = $doc])*
        #[must_use]
        pub fn $name(mut self, $name: $type) -> Self {
            self.$name = Some($name);
            self
        }
    };
    (@one [$($doc:expr)*] $name:ident; $type:ty as $arg:ty) => {
        #[doc = concat!("Sets `", stringify!($name), "`.\n")]
        $(#[doc = $doc])*
        #[must_use]
        pub fn $name(mut self, $name: $arg) -> Self {
            self.$name = Some($name.into());
            self
        }
    };
}
pub(crate) use setters;

/// Declares a request: required fields, then optional ones, which are not serialized while unset and have setters of the same name,
/// then optionally a flattened struct. Adds `extra`.
///
/// `blank(required…)` creates one with everything else unset, for the hand-written `new`.
macro_rules! request {
    (
        $(#[$meta:meta])*
        pub struct $struct:ident {
            required { $( $(#[doc = $rdoc:expr])* $rname:ident: $rtype:ty, )* }
            optional { $( $(#[doc = $odoc:expr])* $oname:ident: $otype:ty $(as $oarg:ty)?, )* }
            $( flatten { $(#[doc = $fdoc:expr])* $fname:ident: $ftype:ty } )?
        }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, ::serde::Serialize, ::serde::Deserialize)]
        #[cfg_attr(feature = "schemars", derive(::schemars::JsonSchema))]
        #[non_exhaustive]
        pub struct $struct {
            $( $(#[doc = $rdoc])* pub $rname: $rtype, )*
            $(
                $(#[doc = $odoc])*
                #[serde(default, skip_serializing_if = "Option::is_none")]
                pub $oname: Option<$otype>,
            )*
            $( $(#[doc = $fdoc])* #[serde(flatten)] pub $fname: $ftype, )?
            /// Fields that this library does not define. They are sent after the others, unchanged. A `stream` field is omitted, since the
            /// method sets it.
            #[serde(
                flatten,
                serialize_with = "crate::api::fields::without_stream",
                deserialize_with = "crate::api::fields::ordered"
            )]
            pub extra: crate::base::Extra,
        }

        impl $struct {
            fn blank($($rname: $rtype),*) -> Self {
                $struct { $($rname,)* $($oname: None,)* $($fname: Default::default(),)? extra: crate::base::extra::Extra::new() }
            }

            crate::api::fields::setters! { $( $(#[doc = $odoc])* $oname: $otype $(as $oarg)?, )* }

            /// Adds a field that this library does not define. An [`OrderedJson`](crate::OrderedJson) keeps the order of its
            /// fields, a `serde_json::Value` only with `serde_json/preserve_order`.
            #[must_use]
            pub fn extra(mut self, name: impl Into<String>, value: impl Into<crate::base::OrderedJson>) -> Self {
                self.extra.set(name, value);
                self
            }
        }
    };
}
pub(crate) use request;

pub(crate) fn without_stream<S: serde::Serializer>(extra: &Extra, serializer: S) -> Result<S::Ok, S::Error> {
    extra.write(|name| name != "stream", serializer)
}

/// Reads the extra fields of a request in order.
pub(crate) fn ordered<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Extra, D::Error> {
    struct Visit;
    impl<'de> serde::de::Visitor<'de> for Visit {
        type Value = Extra;
        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("a map")
        }
        fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Extra, A::Error> {
            let mut extra = Extra::new();
            while let Some((name, value)) = map.next_entry::<String, OrderedJson>()? {
                extra.set(name, value);
            }
            Ok(extra)
        }
    }
    deserializer.deserialize_map(Visit)
}
