//! The lanes that a call's numbers cross in, read and written in place by both sides.

use std::cell::Cell;

use latchwork::Ticket;
use wasm_bindgen::prelude::wasm_bindgen;

/// Settled entries that one call can report.
pub(crate) const SETTLED_MAX: usize = 64;

/// Lanes per settled entry.
pub(crate) const ENTRY: usize = 7;

/// The lanes: their numbers are those of `Lane`, `CellLane` and `CallLane` in `bindings-js/src`.
#[derive(Clone, Copy)]
pub(crate) enum Lane {
    Handle = 0,
    Slot = 1,
    Generation = 2,
    Place = 3,
    Number = 4,
    Outcome = 5,
    Token = 6,
    Settled = 7,
    /// The number of an owner, 0 for none.
    Owner = 8,
    /// How long the grant lasts at most, in milliseconds: infinity for ever.
    MaxHold = 9,
    /// How long the request waits at most, likewise.
    Timeout = 10,
    /// Of a request: 1 where the caller confirms the grant itself. Of a commit that deletes: 1 where a cell was there.
    Deferred = 11,
    First = 12,
}

/// How a call went: the numbers are those of `Outcome` in `bindings-js/src/native.ts`.
#[derive(Clone, Copy)]
pub(crate) enum Outcome {
    Granted = 0,
    Waiting = 1,
    Refused = 2,
    GivenOn = 3,
    Failed = 4,
    Abandoned = 5,
    Lost = 6,
    HandedOver = 7,
    Changed = 8,
}

const LANES: usize = Lane::First as usize + SETTLED_MAX * ENTRY;

thread_local! {
    static SCRATCH: [Cell<f64>; LANES] = const { [const { Cell::new(0.0) }; LANES] };
}

/// Where the lanes are in the module's memory. They stay there.
#[wasm_bindgen(js_name = scratchAddress)]
pub fn scratch_address() -> usize {
    SCRATCH.with(|lanes| lanes.as_ptr() as usize)
}

/// What a lane holds; whatever JavaScript wrote there becomes the nearest integer that there is.
pub(crate) fn get(lane: Lane) -> u64 {
    SCRATCH.with(|lanes| lanes[lane as usize].get()) as u64
}

/// What a lane holds, as it is.
pub(crate) fn double(lane: Lane) -> f64 {
    SCRATCH.with(|lanes| lanes[lane as usize].get())
}

/// Writes a lane.
pub(crate) fn set(lane: Lane, value: u64) {
    SCRATCH.with(|lanes| lanes[lane as usize].set(value as f64));
}

/// Writes a lane, which need not be a whole number.
pub(crate) fn set_double(lane: Lane, value: f64) {
    SCRATCH.with(|lanes| lanes[lane as usize].set(value));
}

/// Writes how the call went.
pub(crate) fn set_outcome(outcome: Outcome) {
    set(Lane::Outcome, outcome as u64);
}

/// The ticket that the caller named.
pub(crate) fn ticket() -> Ticket {
    Ticket::from_parts(get(Lane::Place), get(Lane::Number))
}

/// Writes the ticket of the call's own request.
pub(crate) fn set_ticket(ticket: Ticket) {
    let (place, number) = ticket.to_parts();
    set(Lane::Place, place);
    set(Lane::Number, number);
}

/// Writes the settled entry of this index; one that has no lanes is left out.
pub(crate) fn set_entry(index: usize, values: [u64; ENTRY]) {
    let first = Lane::First as usize + index * ENTRY;
    SCRATCH.with(|lanes| {
        for (lane, value) in lanes.iter().skip(first).zip(values) {
            lane.set(value as f64);
        }
    });
}
