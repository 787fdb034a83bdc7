//! Validation of bodies, with the messages of the library that the server uses.

use crate::json::Json;
use crate::refusal::Invalid;

pub(crate) const NO_OBJECT: &str = "Input should be a valid dictionary or object to extract fields from";

/// One field of a body.
pub(crate) struct Field {
    /// Its names. The first one that is present is used.
    pub(crate) names: &'static [&'static str],
    pub(crate) kind: Kind,
    pub(crate) required: bool,
    pub(crate) nullable: bool,
}

/// The type of a field.
pub(crate) enum Kind {
    Any,
    Str,
    Bool,
    Int(Limits),
    Float(Limits),
    Dict,
    /// An object from integers to numbers.
    IntToFloat,
    /// One of these strings. The second text lists them as in the error.
    Literal(&'static [&'static str], &'static str),
    List(&'static Kind),
    Model(&'static [Field]),
    /// The first type that matches. Each has its name in an error's `loc`.
    Union(&'static [(&'static str, Kind)]),
}

/// Bounds of a number.
#[derive(Clone, Copy)]
pub(crate) struct Limits {
    pub(crate) ge: Option<f64>,
    pub(crate) gt: Option<f64>,
    pub(crate) le: Option<f64>,
}

impl Field {
    pub(crate) const fn required(names: &'static [&'static str], kind: Kind) -> Field {
        Field { names, kind, required: true, nullable: false }
    }

    pub(crate) const fn optional(names: &'static [&'static str], kind: Kind) -> Field {
        Field { names, kind, required: false, nullable: true }
    }

    /// Can be omitted, but not null.
    pub(crate) const fn unset(names: &'static [&'static str], kind: Kind) -> Field {
        Field { names, kind, required: false, nullable: false }
    }
}

impl Limits {
    pub(crate) const NONE: Limits = Limits { ge: None, gt: None, le: None };

    pub(crate) const fn ge(bound: f64) -> Limits {
        Limits { ge: Some(bound), ..Limits::NONE }
    }

    pub(crate) const fn gt(bound: f64) -> Limits {
        Limits { gt: Some(bound), ..Limits::NONE }
    }

    pub(crate) const fn le(self, bound: f64) -> Limits {
        Limits { le: Some(bound), ..self }
    }
}

/// Returns all errors of the members of an object.
pub(crate) fn validate(body: &Json, groups: &[&[Field]]) -> Vec<Invalid> {
    let mut found = Vec::new();
    for fields in groups {
        model(body, fields, &mut vec!["body".into()], &mut found);
    }
    found
}

fn model(body: &Json, fields: &[Field], loc: &mut Vec<Json>, found: &mut Vec<Invalid>) {
    for field in fields {
        let given = field.names.iter().find_map(|name| Some((*name, body.get(name)?)));
        match given {
            None if field.required => {
                loc.push(field.names[0].into());
                found.push(invalid("missing", loc, "Field required", body));
                loc.pop();
            }
            None => {}
            Some((_, Json::Null)) if field.nullable => {}
            Some((name, value)) => {
                loc.push(name.into());
                check(value, &field.kind, loc, found);
                loc.pop();
            }
        }
    }
}

fn check(value: &Json, kind: &Kind, loc: &mut Vec<Json>, found: &mut Vec<Invalid>) {
    match kind {
        Kind::Any => {}
        Kind::Str => {
            if value.as_str().is_none() {
                found.push(invalid("string_type", loc, "Input should be a valid string", value));
            }
        }
        Kind::Bool => boolean(value, loc, found),
        Kind::Int(limits) => {
            if let Some(n) = integer(value, loc, found) {
                bounds(n as f64, *limits, true, value, loc, found);
            }
        }
        Kind::Float(limits) => {
            if let Some(n) = number(value, loc, found) {
                bounds(n, *limits, false, value, loc, found);
            }
        }
        Kind::Dict => dict(value, loc, found),
        Kind::IntToFloat => {
            dict(value, loc, found);
            int_to_float(value, loc, found);
        }
        Kind::Literal(words, listed) => {
            if !value.as_str().is_some_and(|word| words.contains(&word)) {
                let ctx = Json::Dict(vec![("expected".to_owned(), (*listed).into())]);
                let text = format!("Input should be {listed}");
                let error = invalid("literal_error", loc, &text, value);
                found.push(Invalid { ctx: Some(ctx), ..error });
            }
        }
        Kind::List(item) => match value {
            Json::List(items) => {
                for (index, value) in items.iter().enumerate() {
                    loc.push(Json::Int(index as i128));
                    check(value, item, loc, found);
                    loc.pop();
                }
            }
            _ => found.push(invalid("list_type", loc, "Input should be a valid list", value)),
        },
        Kind::Model(fields) => match value {
            Json::Dict(_) => model(value, fields, loc, found),
            _ => found.push(invalid("model_attributes_type", loc, NO_OBJECT, value)),
        },
        Kind::Union(members) => union(value, members, loc, found),
    }
}

/// Matches if one member does. Otherwise the errors of all members are reported.
fn union(value: &Json, members: &[(&'static str, Kind)], loc: &mut Vec<Json>, found: &mut Vec<Invalid>) {
    let mut all = Vec::new();
    for (label, kind) in members {
        let before = all.len();
        loc.push((*label).into());
        check(value, kind, loc, &mut all);
        loc.pop();
        if all.len() == before {
            return;
        }
    }
    found.append(&mut all);
}

fn integer(value: &Json, loc: &[Json], found: &mut Vec<Invalid>) -> Option<i128> {
    let read = value.as_int();
    if read.is_none() {
        let (kind, text) = match value {
            Json::Str(_) => ("int_parsing", "Input should be a valid integer, unable to parse string as an integer"),
            Json::Float(f) if f.is_finite() => {
                ("int_from_float", "Input should be a valid integer, got a number with a fractional part")
            }
            Json::Float(_) => ("finite_number", "Input should be a finite number"),
            _ => ("int_type", "Input should be a valid integer"),
        };
        found.push(invalid(kind, loc, text, value));
    }
    read
}

fn number(value: &Json, loc: &[Json], found: &mut Vec<Invalid>) -> Option<f64> {
    let read = value.as_float();
    if read.is_none() {
        let (kind, text) = match value {
            Json::Str(_) => ("float_parsing", "Input should be a valid number, unable to parse string as a number"),
            _ => ("float_type", "Input should be a valid number"),
        };
        found.push(invalid(kind, loc, text, value));
    }
    read
}

fn boolean(value: &Json, loc: &[Json], found: &mut Vec<Invalid>) {
    if value.as_bool().is_none() {
        let (kind, text) = match value {
            Json::Str(_) | Json::Int(_) | Json::Float(_) => {
                ("bool_parsing", "Input should be a valid boolean, unable to interpret input")
            }
            _ => ("bool_type", "Input should be a valid boolean"),
        };
        found.push(invalid(kind, loc, text, value));
    }
}

fn dict(value: &Json, loc: &[Json], found: &mut Vec<Invalid>) {
    if !matches!(value, Json::Dict(_)) {
        found.push(invalid("dict_type", loc, "Input should be a valid dictionary", value));
    }
}

fn int_to_float(value: &Json, loc: &mut Vec<Json>, found: &mut Vec<Invalid>) {
    let Json::Dict(members) = value else { return };
    for (key, value) in members {
        let key = Json::Str(key.clone());
        loc.push(key.clone());
        loc.push("[key]".into());
        integer(&key, loc, found);
        loc.pop();
        number(value, loc, found);
        loc.pop();
    }
}

fn bounds(n: f64, limits: Limits, integer: bool, value: &Json, loc: &[Json], found: &mut Vec<Invalid>) {
    // NaN exceeds every bound.
    let broken = [
        (limits.ge.filter(|b| n.is_nan() || n < *b), "greater_than_equal", "greater than or equal to", "ge"),
        (limits.gt.filter(|b| n.is_nan() || n <= *b), "greater_than", "greater than", "gt"),
        (limits.le.filter(|b| n.is_nan() || n > *b), "less_than_equal", "less than or equal to", "le"),
    ];
    for (bound, kind, words, key) in broken {
        let Some(bound) = bound else { continue };
        let shown = if integer { Json::Int(bound as i128) } else { Json::Float(bound) };
        let text = format!("Input should be {words} {bound}");
        let ctx = Json::Dict(vec![(key.to_owned(), shown)]);
        found.push(Invalid { ctx: Some(ctx), ..invalid(kind, loc, &text, value) });
        return;
    }
}

fn invalid(r#type: &'static str, loc: &[Json], msg: &str, input: &Json) -> Invalid {
    let (loc, msg, input) = (loc.to_vec(), msg.to_owned(), input.clone());
    Invalid { r#type, loc, msg, input, ctx: None }
}
