//! The path of the value that is being read, for errors. It is not popped after an error, so it ends where the error happened.

use std::cell::RefCell;

use crate::decode::fault::{Part, place};

/// A path, and the key that was read last.
#[derive(Default)]
pub(super) struct Trail {
    steps: RefCell<Vec<Step>>,
    key: RefCell<Option<String>>,
}

enum Step {
    Index(usize),
    /// `None` if the key is not a string.
    Key(Option<String>),
}

impl Trail {
    /// Keeps a key, for the value that follows.
    pub(super) fn see_key(&self, key: &str) {
        *self.key.borrow_mut() = Some(key.to_owned());
    }

    /// Begins the value of the key that was read last, or one without a key.
    pub(super) fn enter_field(&self) {
        self.push(Step::Key(self.key.take()));
    }

    /// Begins an element of a list.
    pub(super) fn enter_element(&self, index: usize) {
        self.push(Step::Index(index));
    }

    /// Ends the value that was begun last.
    pub(super) fn leave(&self) {
        self.steps.borrow_mut().pop();
    }

    pub(super) fn place(&self) -> Option<String> {
        place(self.steps.borrow().iter().map(|step| match step {
            Step::Index(index) => Part::Index(*index),
            Step::Key(Some(name)) => Part::Name(name),
            Step::Key(None) => Part::Unknown,
        }))
    }

    fn push(&self, step: Step) {
        self.steps.borrow_mut().push(step);
    }
}
