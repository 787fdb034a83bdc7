//! A route: the method and the path of a handler.

use axum::handler::Handler;
use axum::routing::{self, MethodRouter};

/// A method and a path, with their handler.
pub(super) struct Route {
    pub(super) verb: &'static str,
    pub(super) path: String,
    pub(super) answer: MethodRouter,
}

pub(super) fn get<T: 'static>(path: &str, handler: impl Handler<T, ()>) -> Route {
    Route { verb: "GET", path: path.to_owned(), answer: routing::get(handler) }
}

pub(super) fn post<T: 'static>(path: &str, handler: impl Handler<T, ()>) -> Route {
    Route { verb: "POST", path: path.to_owned(), answer: routing::post(handler) }
}

pub(super) fn put<T: 'static>(path: &str, handler: impl Handler<T, ()>) -> Route {
    Route { verb: "PUT", path: path.to_owned(), answer: routing::put(handler) }
}
