//! One instant of the lock table, to be read by JavaScript.

use latchwork::{Hold, Query, Wait};
use wasm_bindgen::prelude::wasm_bindgen;

use crate::wire::{self, Writer};
use crate::{clock, convert, error, locks, ports};

/// In: a list of keys, and the prefixes of a sub-space. Held and pending at one instant, of these keys, or of all where they are
/// left out; 0 with outcome `Failed`.
#[wasm_bindgen]
pub fn query(handle: f64) -> usize {
    let asked = wire::read(|input| {
        let keys = convert::maybe_keys(input)?;
        let query = ports::find(handle as u64).query(keys.as_deref())?;
        Ok(match convert::place(input)? {
            Some(place) => place.query(query),
            None => query,
        })
    });
    error::answer(asked, describe)
}

/// In: the exclusive and the shared keys of a request, and the prefixes of a sub-space. What it asks for, as keys of the sub-space: each key once, a key in
/// both modes exclusive; 0 with outcome `Failed`.
#[wasm_bindgen(js_name = keySet)]
pub fn key_set() -> usize {
    let asked = wire::read(|input| Ok((locks::key_sets(input)?.key_set(), convert::place(input)?)));
    error::answer(asked, |out, ((keys, shared), place)| {
        out.object(2);
        convert::keys(out.field("keys"), &convert::unwrap(place.as_ref(), keys));
        convert::keys(out.field("shared"), &convert::unwrap(place.as_ref(), shared));
    })
}

fn describe(out: &mut Writer, query: Query) {
    out.object(2);
    out.field("held").list(&query.held, hold);
    out.field("pending").list(&query.pending, wait);
}

fn hold(out: &mut Writer, hold: &Hold) {
    out.object(7);
    convert::keys(out.field("keys"), &hold.keys);
    convert::keys(out.field("shared"), &hold.shared);
    out.field("token").number(hold.token as f64);
    error::owner(out.field("owner"), hold.owner.as_ref());
    out.field("label").text_or_undefined(hold.label.as_deref());
    out.field("age").number_or_undefined(hold.age.map(clock::milliseconds));
    out.field("claimed").boolean(hold.claimed);
}

fn wait(out: &mut Writer, wait: &Wait) {
    out.object(7);
    convert::keys(out.field("keys"), &wait.keys);
    convert::keys(out.field("shared"), &wait.shared);
    error::owner(out.field("owner"), wait.owner.as_ref());
    out.field("label").text_or_undefined(wait.label.as_deref());
    out.field("age").number_or_undefined(wait.age.map(clock::milliseconds));
    out.field("position").number(wait.position as f64);
    error::blockers(out.field("blockedBy"), &wait.blocked_by);
}
