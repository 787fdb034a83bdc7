//! Host functions besides `fetch`: clock, timers, randomness, error messages.

use std::cell::Cell;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use js_sys::{Function, Reflect};
use wasm_bindgen::prelude::{Closure, wasm_bindgen};
use wasm_bindgen::{JsCast, JsValue};

use crate::base::Time;

/// Hosts store delays in 31 bits, and treat longer ones as zero.
const LONGEST_TIMEOUT: Duration = Duration::from_millis(i32::MAX as u64);

// Globals by their names, which every host has in scope. With `catch`, a missing one is not a panic.
#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(catch)]
    pub(super) fn fetch(request: &web_sys::Request) -> Result<JsValue, JsValue>;
    #[wasm_bindgen(catch, js_name = setTimeout)]
    fn set_timeout(callback: &Function, milliseconds: f64) -> Result<JsValue, JsValue>;
    #[wasm_bindgen(catch, js_name = clearTimeout)]
    fn clear_timeout(id: &JsValue) -> Result<(), JsValue>;
    #[wasm_bindgen(catch, js_namespace = performance, js_name = now)]
    fn performance_now() -> Result<f64, JsValue>;
    #[wasm_bindgen(catch, js_namespace = Math, js_name = random)]
    fn math_random() -> Result<f64, JsValue>;
}

/// The host's clock: `performance.now`, or else `Date.now`, made monotonic.
#[derive(Clone, Debug, Default)]
pub(super) struct Clock {
    latest: Rc<Cell<Duration>>,
}

impl Clock {
    pub(super) fn new() -> Self {
        Clock::default()
    }

    pub(super) fn now(&self) -> Time {
        let milliseconds = performance_now().unwrap_or_else(|_| js_sys::Date::now());
        let now = Duration::try_from_secs_f64(milliseconds / 1000.0).unwrap_or_default();
        let now = now.max(self.latest.get());
        self.latest.set(now);
        Time::from_epoch(now)
    }
}

/// A wait for a point in time, with `setTimeout`. Dropping it clears the timer.
pub(super) struct Sleep {
    clock: Clock,
    until: Time,
    armed: Option<Timer>,
}

struct Timer {
    id: JsValue,
    fired: Rc<Cell<bool>>,
    waker: Rc<Cell<Option<Waker>>>,
    _callback: Closure<dyn FnMut()>,
}

impl Sleep {
    pub(super) fn new(clock: Clock, until: Time) -> Self {
        Sleep { clock, until, armed: None }
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.armed.as_ref().is_some_and(|timer| timer.fired.get()) {
            self.armed = None;
        }
        if let Some(timer) = &self.armed {
            timer.waker.set(Some(cx.waker().clone()));
            return Poll::Pending;
        }
        // Timers can be early by a fraction of a millisecond, and the longest waits take several.
        let rest = self.until.since(self.clock.now());
        if rest.is_zero() {
            return Poll::Ready(());
        }
        // Without timers there are no deadlines: it waits forever, and data still wakes the call.
        self.armed = Timer::start(rest.min(LONGEST_TIMEOUT), cx.waker().clone());
        Poll::Pending
    }
}

impl Timer {
    fn start(wait: Duration, waker: Waker) -> Option<Self> {
        let (fired, waker) = (Rc::new(Cell::new(false)), Rc::new(Cell::new(Some(waker))));
        let callback = Closure::<dyn FnMut()>::new({
            let (fired, waker) = (fired.clone(), waker.clone());
            move || {
                fired.set(true);
                if let Some(waker) = waker.take() {
                    waker.wake();
                }
            }
        });
        let id = set_timeout(callback.as_ref().unchecked_ref(), (wait.as_secs_f64() * 1000.0).ceil()).ok()?;
        Some(Timer { id, fired, waker, _callback: callback })
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        // A host with timers can clear them. Clearing one that fired has no effect.
        let _ = clear_timeout(&self.id);
    }
}

/// A number that differs between clients, for jitter, not for secrets.
pub(super) fn random() -> u64 {
    let part = || (math_random().unwrap_or_default() * f64::from(u32::MAX)) as u64;
    (part() << 32 | part()) ^ js_sys::Date::now().to_bits()
}

/// A field of an object, if it is a string.
pub(super) fn text(object: &JsValue, name: &str) -> Option<String> {
    get(object, name)?.as_string().filter(|text| !text.is_empty())
}

/// A field of an object. None if the value is not an object.
pub(super) fn get(object: &JsValue, name: &str) -> Option<JsValue> {
    Reflect::get(object, &name.into()).ok().filter(|value| !value.is_undefined() && !value.is_null())
}

/// A thrown value as text: the message of an error, or a string.
pub(super) fn words(error: &JsValue) -> String {
    let words = text(error, "message").or_else(|| error.as_string()).or_else(|| text(error, "name"));
    words.unwrap_or_else(|| "the host gave no reason".to_owned())
}
