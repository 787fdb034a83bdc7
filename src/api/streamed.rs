//! `Streamed`: the streaming form of a request.

/// The streaming form of a request, from [`StreamEndpoint::streamed`](crate::StreamEndpoint::streamed).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Streamed<'a, R>(pub(crate) &'a R);

#[cfg(feature = "schemars")]
impl<R: schemars::JsonSchema> schemars::JsonSchema for Streamed<'_, R> {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        R::schema_name()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        generator.subschema_for::<R>()
    }
}
