//! `Items`: the part of a call that knows the type of its items, as used by its [`Machine`](super::machine::Machine).

use std::any::Any;

use bytes::Bytes;
use http::response::Parts;

use crate::base::{ErrorCode, Limits, Result};
use crate::decode::Decode;
use crate::protocol::resume::joint::{Ask, Join, Piece, Way};

/// The decoder of a call, the place for its next item, and how its streams are joined.
pub(super) trait Items {
    // As in `Decode`. Items are put into the place.
    fn start(&mut self, head: &Parts, limits: &Limits) -> Result<()>;
    fn feed(&mut self, chunk: Bytes);
    fn next(&mut self) -> Result<()>;
    fn finish(&mut self) -> Result<()>;
    fn is_done(&self) -> bool;
    fn is_whole(&self) -> bool;
    fn partial_text(&self) -> Option<&str>;
    fn progress(&self) -> u64;

    /// Whether there is an item in the place.
    fn has_item(&self) -> bool;
    fn item(&mut self) -> Option<&mut dyn Any>;
    fn drop_item(&mut self);

    // As in `Join`, for the item in the place.
    fn can_join(&self) -> bool;
    /// `None` if the stream cannot be joined.
    fn piece(&self) -> Option<Piece>;
    fn taken(&mut self);
    fn join(&mut self) -> bool;
    fn next_part(&mut self);
    fn dropped(&mut self);
    /// Errors also if the stream cannot be joined, as the next one does.
    fn ask(&self, body: &Bytes) -> Result<Ask, ErrorCode>;
    fn rest(&mut self, body: &Bytes, tokens: u64, way: Way) -> Result<Bytes, ErrorCode>;

    /// Makes the item that is returned before the end of a stream whose tokens are used up.
    fn part(&mut self) -> Option<&mut dyn Any>;
    fn drop_parting(&mut self);
    /// Moves it into the place, if there is one.
    fn take_parting(&mut self) -> bool;
}

/// The state that is kept between steps.
pub(super) struct Typed<D: Decode> {
    pub(super) decoder: D,
    /// `None` for streams that cannot be joined.
    pub(super) join: Option<Box<dyn Join<D::Item>>>,
    parting: Option<Box<D::Item>>,
}

impl<D: Decode> Typed<D> {
    pub(super) fn new(decoder: D) -> Self {
        Typed { decoder, join: None, parting: None }
    }

    /// With a place for the next item.
    pub(super) fn with<'a>(&'a mut self, place: &'a mut Option<D::Item>) -> Placed<'a, D> {
        Placed { typed: self, place }
    }
}

pub(super) struct Placed<'a, D: Decode> {
    typed: &'a mut Typed<D>,
    place: &'a mut Option<D::Item>,
}

impl<D: Decode> Items for Placed<'_, D> {
    fn start(&mut self, head: &Parts, limits: &Limits) -> Result<()> {
        self.typed.decoder.start(head, limits)
    }

    fn feed(&mut self, chunk: Bytes) {
        self.typed.decoder.feed(chunk);
    }

    fn next(&mut self) -> Result<()> {
        self.typed.decoder.next_into(self.place)
    }

    fn finish(&mut self) -> Result<()> {
        *self.place = self.typed.decoder.finish()?;
        Ok(())
    }

    fn is_done(&self) -> bool {
        self.typed.decoder.is_done()
    }

    fn is_whole(&self) -> bool {
        self.typed.decoder.is_whole()
    }

    fn partial_text(&self) -> Option<&str> {
        self.typed.decoder.partial_text()
    }

    fn progress(&self) -> u64 {
        self.typed.decoder.progress()
    }

    fn has_item(&self) -> bool {
        self.place.is_some()
    }

    fn item(&mut self) -> Option<&mut dyn Any> {
        self.place.as_mut().map(|item| item as &mut dyn Any)
    }

    fn drop_item(&mut self) {
        *self.place = None;
    }

    fn can_join(&self) -> bool {
        self.typed.join.is_some()
    }

    fn piece(&self) -> Option<Piece> {
        Some(self.typed.join.as_ref()?.piece(self.place.as_ref()?))
    }

    fn taken(&mut self) {
        if let (Some(join), Some(item)) = (&mut self.typed.join, &self.place) {
            join.taken(item);
        }
    }

    fn join(&mut self) -> bool {
        match (&mut self.typed.join, &mut self.place) {
            (Some(join), Some(item)) => join.join(item),
            _ => true,
        }
    }

    fn next_part(&mut self) {
        if let Some(join) = &mut self.typed.join {
            join.next_part();
        }
    }

    fn dropped(&mut self) {
        if let Some(join) = &mut self.typed.join {
            join.dropped();
        }
    }

    fn ask(&self, body: &Bytes) -> Result<Ask, ErrorCode> {
        self.typed.join.as_ref().map_or(Err(ErrorCode::NotResumable), |join| join.ask(body))
    }

    fn rest(&mut self, body: &Bytes, tokens: u64, way: Way) -> Result<Bytes, ErrorCode> {
        self.typed.join.as_mut().map_or(Err(ErrorCode::NotResumable), |join| join.rest(body, tokens, way))
    }

    fn part(&mut self) -> Option<&mut dyn Any> {
        let item = self.typed.join.as_mut()?.ending();
        Some(&mut **self.typed.parting.insert(Box::new(item)))
    }

    fn drop_parting(&mut self) {
        self.typed.parting = None;
    }

    fn take_parting(&mut self) -> bool {
        *self.place = self.typed.parting.take().map(|item| *item);
        self.place.is_some()
    }
}
