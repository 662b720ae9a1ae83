//! The owners that JavaScript names by numbers.

use std::cell::RefCell;

use latchwork::{Error, Owner};
use wasm_bindgen::prelude::wasm_bindgen;

use crate::numbered::Numbered;
use crate::{convert, error, ports, scratch, settle, wire};

thread_local! {
    static OWNERS: RefCell<Numbered<Owner>> = const { RefCell::new(Numbered::new()) };
}

/// In: a label, or undefined. Makes an owner in the space; answers its number, 0 with outcome `Failed`.
#[wasm_bindgen]
pub fn owner(handle: f64) -> f64 {
    let port = ports::find(handle as u64);
    let label = wire::read(|input| Ok(convert::text(input)?.map(str::to_owned)));
    match label {
        Ok(label) => number(port.owner(label.as_deref())),
        Err(error) => {
            error::fail(error);
            0.0
        }
    }
}

/// The id of an owner; 0 with outcome `Failed`.
#[wasm_bindgen(js_name = ownerId)]
pub fn owner_id(owner: f64) -> usize {
    error::answer(find(owner), |out, owner| out.text(owner.id()))
}

/// Gives the grant in the lanes, which has none, an owner; answers its number.
#[wasm_bindgen]
pub fn adopt() -> f64 {
    let port = ports::named();
    let owner = port.owner(None);
    port.adopt(scratch::ticket(), &owner);
    number(owner)
}

/// Ends an owner; answers how many locks and waits that ended.
#[wasm_bindgen(js_name = closeOwner)]
pub fn close_owner(handle: f64, owner: f64) -> usize {
    let port = ports::find(handle as u64);
    let ended = find(owner).map_or(0, |owner| port.close_owner(&owner));
    settle::report(&port);
    ended
}

/// JavaScript cannot name the owner any more.
#[wasm_bindgen(js_name = forgetOwner)]
pub fn forget_owner(owner: f64) {
    let forgotten = OWNERS.with_borrow_mut(|owners| owners.take(owner));
    drop(forgotten);
}

/// The owner of this number.
pub(crate) fn find(owner: f64) -> Result<Owner, Error> {
    let found = OWNERS.with_borrow_mut(|owners| owners.get(owner).cloned());
    found.ok_or_else(|| Error::invalid("owner", "no such owner"))
}

fn number(owner: Owner) -> f64 {
    OWNERS.with_borrow_mut(|owners| owners.add(owner))
}
