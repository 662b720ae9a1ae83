//! Clocks, and what the clock makes due.

use std::cell::RefCell;
use std::time::Duration;

use latchwork::{Clock, ManualClock};
use wasm_bindgen::prelude::wasm_bindgen;

use crate::{convert, error, ports, settle, wire};

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_namespace = performance, js_name = now)]
    fn host_now() -> f64;
}

/// The host's monotonic clock.
pub(crate) struct HostClock;

impl Clock for HostClock {
    fn now(&self) -> Duration {
        duration(host_now())
    }
}

thread_local! {
    /// With their names, where they have any.
    static MANUAL: RefCell<Vec<(Option<String>, ManualClock)>> = const { RefCell::new(Vec::new()) };
}

/// In: a name, or undefined. A clock that moves only by [`advance`], or the one of this name; answers its number.
#[wasm_bindgen(js_name = manualClock)]
pub fn manual_clock() -> f64 {
    match wire::read(|input| Ok(convert::text(input)?.map(str::to_owned))) {
        Ok(name) => number(name),
        Err(error) => {
            error::fail(error);
            0.0
        }
    }
}

/// What a manual clock shows.
#[wasm_bindgen(js_name = now)]
pub fn now(clock: f64) -> f64 {
    manual(clock).map_or(0.0, |clock| milliseconds(clock.now()))
}

/// Moves a manual clock on; a number that no clock has moves nothing.
#[wasm_bindgen]
pub fn advance(clock: f64, milliseconds: f64) {
    if let Some(clock) = manual(clock) {
        clock.advance(duration(milliseconds));
    }
}

/// The manual clock of this number.
pub(crate) fn manual(clock: f64) -> Option<ManualClock> {
    let index = (clock as usize).checked_sub(1)?;
    MANUAL.with_borrow(|clocks| clocks.get(index).map(|(_, clock)| clock.clone()))
}

fn number(name: Option<String>) -> f64 {
    MANUAL.with_borrow_mut(|clocks| {
        let known = name.is_some().then(|| clocks.iter().position(|(other, _)| *other == name)).flatten();
        let index = known.unwrap_or_else(|| {
            clocks.push((name, ManualClock::new()));
            clocks.len() - 1
        });
        (index + 1) as f64
    })
}

/// Tells what is due in the space.
#[wasm_bindgen]
pub fn tick(handle: f64) {
    let port = ports::find(handle as u64);
    port.tick();
    settle::report(&port);
}

/// Milliseconds until something is due, infinity for nothing. What is settled and not reported is due at once.
#[wasm_bindgen(js_name = nextDeadline)]
pub fn next_deadline(handle: f64) -> f64 {
    if settle::is_left() {
        return 0.0;
    }
    ports::find(handle as u64).next_deadline().map_or(f64::INFINITY, milliseconds)
}

/// Milliseconds as a duration, to the nanosecond. What is not a positive number counts as nothing.
pub(crate) fn duration(milliseconds: f64) -> Duration {
    const NANOS: f64 = 1e6;
    Duration::from_nanos((milliseconds * NANOS) as u64)
}

/// A duration as JavaScript tells it.
pub(crate) fn milliseconds(duration: Duration) -> f64 {
    duration.as_nanos() as f64 / 1e6
}
