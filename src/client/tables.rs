//! What both drivers generate from the tables in `api`: services and the names of streams.

/// Generates a service from its table. The caller defines `Client`, and the macro `method!` for the return type of a method.
macro_rules! service {
    (
        $(#[doc = $doc:expr])*
        $accessor:ident: $service:ident {
            $(
                $(#[doc = $mdoc:expr])*
                $kind:ident $method:ident($($arg:ident: $type:ty),*) -> $answer:ty $(=> $total:ty)? = $call:expr =>
                    $form:ident [$($endpoint:tt)+]: $verb:ident $path:literal, $scope:ident, $idempotency:ident, $timeouts:ident
                    $(, $map_error:path)?;
            )*
        }
    ) => {
        $(#[doc = $doc])*
        #[derive(Clone, Copy, Debug)]
        pub struct $service<'a> {
            pub(crate) client: &'a Client,
        }

        impl Client {
            $(#[doc = $doc])*
            pub fn $accessor(&self) -> $service<'_> {
                $service { client: self }
            }
        }

        impl $service<'_> {
            $(
                $(#[doc = $mdoc])*
                #[doc = concat!("\n\nWire: `", stringify!($verb), " ", $path, "`.")]
                pub fn $method(&self, $($arg: $type),*) -> method!(@ $answer $(=> $total)?) {
                    self.client.$kind($call)
                }
            )*
        }
    };
}
pub(crate) use service;

/// The streams of services, by the caller's `ResponseStream`.
macro_rules! stream_types {
    () => {
        /// A streamed conversation.
        pub type ChatStream = ResponseStream<ChatChunk, ChatCompletion>;

        /// A streamed completion.
        pub type CompletionStream = ResponseStream<CompletionChunk, Completion>;

        /// A load of a model: progress events that accumulate to the report.
        pub type LoadStream = ResponseStream<LoadProgress, LoadReport>;

        /// A streamed generation of the KoboldAI API.
        pub type KoboldStream = ResponseStream<KoboldToken, KoboldResults>;
    };
}
pub(crate) use stream_types;
