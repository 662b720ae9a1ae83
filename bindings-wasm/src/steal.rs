//! Taking a lock at once, for the Web Locks face.

use wasm_bindgen::prelude::wasm_bindgen;

use crate::{convert, locks, wire};

/// In: a key, and a label or undefined. Takes the key away from whoever holds it, before everybody who is queued for it.
#[wasm_bindgen]
pub fn steal() {
    locks::act(|port| {
        let (key, label) = wire::read(|input| {
            let key = convert::raw_key(input)?;
            Ok((key, convert::text(input)?.map(str::to_owned)))
        })?;
        Ok(locks::granted(&port.steal(&key, label.as_deref())?))
    });
}
