//! What to do about an error, as data. For programs that word the hint themselves.

use std::fmt;

/// What to do about an error: a [`Remedy`], and the [`Place`]s that the hint names.
///
/// [`Error::hint`](crate::Error::hint) returns the sentence with Rust's names. A command-line program or a binding for another language
/// substitutes its own names for the places:
///
/// ```
/// use tabbyapi::{Client, Place, Remedy};
/// use tabbyapi::transport::script::{Reply, Script};
/// # use futures::executor::block_on;
///
/// let script = Script::new([Reply::json(503, r#"{"detail":"No models are currently loaded."}"#)]);
/// let client = Client::builder("http://tabby.test").build_with(script)?;
/// let error = block_on(client.models().current()).unwrap_err();
/// assert_eq!(error.hint(), Some("load one with `client.models().load(..)`"));
///
/// let advice = error.advice().unwrap();
/// assert_eq!(advice.remedy(), Remedy::Call);
/// let text = advice.spelled(|place| match place {
///     Place::Method("models.load") => "`tabby load NAME`".to_owned(),
///     other => other.to_string(),
/// });
/// assert_eq!(text, "load one with `tabby load NAME`");
/// # Ok::<(), tabbyapi::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Advice {
    remedy: Remedy,
    /// A sentence with places in braces, such as `{setting:timeouts.idle}`.
    template: &'static str,
}

/// The kind of action that helps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Remedy {
    /// Provide something that is missing, such as a key.
    Give,
    /// Check a value: an address, a name, a key.
    Check,
    /// Raise a limit of the client.
    Raise,
    /// Call another method, possibly before this one.
    Call,
    /// Change the request, or request less.
    Change,
    /// Change the configuration of the server.
    Configure,
    /// See the log on the server's console.
    Look,
    /// Make the call again later.
    Wait,
}

/// Something that an [`Advice`] names. `Display` writes the Rust name in backquotes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Place {
    /// A method of a service, such as `models.load`, or a service, such as `models`.
    Method(&'static str),
    /// A setting of the client, such as `timeouts.idle`, `limits.body`.
    Setting(&'static str),
    /// A field of the request, by its name on the wire.
    Field(&'static str),
    /// A key of the client: `api_key` or `admin_key`.
    Key(&'static str),
    /// The base URL.
    BaseUrl,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Method(name) => match name.split_once('.') {
                Some((service, method @ ("load" | "switch"))) => write!(f, "`client.{service}().{method}(..)`"),
                Some((service, method)) => write!(f, "`client.{service}().{method}()`"),
                None => write!(f, "`client.{name}()`"),
            },
            Place::Setting(name) => {
                let (owner, setting) = name.split_once('.').unwrap_or(("options", name));
                f.write_str("`")?;
                for word in owner.split('_') {
                    let (first, rest) = word.split_at_checked(1).unwrap_or((word, ""));
                    write!(f, "{}{rest}", first.to_ascii_uppercase())?;
                }
                write!(f, "::{setting}`")
            }
            Place::Field(name) | Place::Key(name) => write!(f, "`{name}`"),
            Place::BaseUrl => f.write_str("the base URL"),
        }
    }
}

impl Advice {
    pub(crate) const fn new(remedy: Remedy, template: &'static str) -> Self {
        Advice { remedy, template }
    }

    /// Returns the kind of action that helps.
    pub fn remedy(&self) -> Remedy {
        self.remedy
    }

    /// Returns the places that the sentence names, in order.
    pub fn places(&self) -> impl Iterator<Item = Place> + use<> {
        parts(self.template).filter_map(|(_, place)| place)
    }

    /// Returns the sentence, with each place written by `spell`.
    pub fn spelled(&self, mut spell: impl FnMut(Place) -> String) -> String {
        let mut sentence = String::new();
        for (text, place) in parts(self.template) {
            sentence.push_str(text);
            sentence.push_str(&place.map(&mut spell).unwrap_or_default());
        }
        sentence
    }
}

impl fmt::Display for Advice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.spelled(|place| place.to_string()))
    }
}

/// Texts, each with the place that follows it.
fn parts(template: &'static str) -> impl Iterator<Item = (&'static str, Option<Place>)> {
    template.split('}').map(|part| match part.split_once('{') {
        Some((text, place)) => (text, Some(place_of(place))),
        None => (part, None),
    })
}

fn place_of(place: &'static str) -> Place {
    match place.split_once(':') {
        Some(("method", name)) => Place::Method(name),
        Some(("setting", name)) => Place::Setting(name),
        Some(("key", name)) => Place::Key(name),
        Some((_, name)) => Place::Field(name),
        None => Place::BaseUrl,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_found_and_spelled() {
        let advice = Advice::new(
            Remedy::Check,
            "{url} or {setting:timeouts.first_item}, {setting:content_part.image_bytes}, {field:max_tokens}, {key:api_key}: \
             {method:models.list}, {method:templates.switch}, {method:models}",
        );
        assert_eq!(advice.places().count(), 8);
        assert_eq!(
            advice.to_string(),
            "the base URL or `Timeouts::first_item`, `ContentPart::image_bytes`, `max_tokens`, `api_key`: `client.models().list()`, \
             `client.templates().switch(..)`, `client.models()`"
        );
        assert_eq!(Advice::new(Remedy::Wait, "wait").to_string(), "wait");
    }
}
