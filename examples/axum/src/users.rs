//! Limits the concurrent responses of each user.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// The users with running responses.
#[derive(Clone, Debug)]
pub struct Users {
    /// The maximum number of concurrent responses of a user.
    each: usize,
    under_way: Arc<Mutex<HashMap<String, usize>>>,
}

/// The slot of a response, until it is dropped.
#[derive(Debug)]
pub struct Share {
    users: Users,
    user: String,
}

impl Users {
    /// Allows this many concurrent responses for each user.
    pub fn new(each: usize) -> Self {
        Users { each, under_way: Arc::default() }
    }

    /// Returns a slot for another response, unless the user has reached the limit. Users without responses take no memory.
    pub fn enter(&self, user: &str) -> Option<Share> {
        let mut under_way = self.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        match under_way.get_mut(user) {
            Some(answers) if *answers >= self.each => return None,
            Some(answers) => *answers += 1,
            None if self.each == 0 => return None,
            None => {
                under_way.insert(user.to_owned(), 1);
            }
        }
        Some(Share { users: self.clone(), user: user.to_owned() })
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut under_way = self.users.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(answers) = under_way.get_mut(&self.user) {
            *answers -= 1;
            if *answers == 0 {
                under_way.remove(&self.user);
            }
        }
    }
}
