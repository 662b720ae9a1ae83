//! The calls on a grant besides its release: giving part of it up, watching it, handing it over.

use latchwork::{Error, Grant, HandedOver};
use wasm_bindgen::prelude::wasm_bindgen;

use crate::payloads::Payload;
use crate::scratch::{self, Lane, Outcome};
use crate::wire::{self, Writer};
use crate::{convert, error, locks, owners, ports, settle};

/// In: a list of keys. Releases these keys of the grant in the lanes.
#[wasm_bindgen(js_name = releaseKeys)]
pub fn release_keys() {
    locks::act(|port| {
        port.release_keys(scratch::ticket(), &wire::read(convert::raw_keys)?)?;
        Ok(Outcome::Granted)
    });
}

/// In: a list of keys. Makes these keys of the grant in the lanes shared ones.
#[wasm_bindgen]
pub fn downgrade() {
    locks::act(|port| {
        port.downgrade(scratch::ticket(), Some(&wire::read(convert::raw_keys)?))?;
        Ok(Outcome::Granted)
    });
}

/// Asks to be told when the grant in the lanes is lost; `Refused` where there is nothing to lose.
#[wasm_bindgen(js_name = watchLost)]
pub fn watch_lost(watch: f64) {
    let watched = ports::named().watch_lost(scratch::ticket(), watch as u64);
    scratch::set_outcome(if watched { Outcome::Granted } else { Outcome::Refused });
}

/// In: an owner's id. Hands the grant in the lanes over to it, with the value of this number, 0 for none; `Refused` where it was
/// not delivered.
#[wasm_bindgen(js_name = handOver)]
pub fn hand_over(payload: f64) {
    let payload = Payload::numbered(payload);
    locks::act(|port| {
        let to = wire::read(|input| Ok(convert::text(input)?.map(str::to_owned)))?;
        let to = to.ok_or_else(|| Error::invalid("owner", "must be an owner, or the id of one"))?;
        let payload = payload.map(|payload| Box::new(payload) as _);
        let delivered = port.hand_over(scratch::ticket(), &to, payload)?;
        Ok(if delivered { Outcome::Granted } else { Outcome::Refused })
    });
}

/// In: the prefixes of a sub-space. The keys of the grant in the lanes, where it resolved a request and was handed over; else 0.
#[wasm_bindgen(js_name = takeHanded)]
pub fn take_handed() -> usize {
    let grant = Grant { ticket: scratch::ticket(), token: scratch::get(Lane::Token), abandoned: false };
    ports::named().take_handed(grant).map_or(0, tell)
}

/// In: the prefixes of a sub-space. The keys of the next grant that was handed over to an owner, which is in the lanes; else 0.
#[wasm_bindgen(js_name = takeHandedOver)]
pub fn take_handed_over(handle: f64, owner: f64) -> usize {
    let port = ports::find(handle as u64);
    let Ok(owner) = owners::find(owner) else { return 0 };
    if port.space().is_closed() {
        return 0;
    }
    port.take_handed_over(&owner).map_or(0, |handed| {
        locks::granted(&handed.grant);
        scratch::set_outcome(if handed.grant.abandoned { Outcome::Abandoned } else { Outcome::Granted });
        tell(handed)
    })
}

/// Asks to be told once when something is handed over to an owner, or it is closed.
#[wasm_bindgen(js_name = watchHandedOver)]
pub fn watch_handed_over(handle: f64, owner: f64, watch: f64) {
    let port = ports::find(handle as u64);
    if let (Ok(owner), false) = (owners::find(owner), port.space().is_closed()) {
        port.watch_handed_over(&owner, watch as u64);
    }
}

/// In: a list of keys. Takes them away from whoever holds them; answers how many guards were lost.
#[wasm_bindgen]
pub fn revoke(handle: f64) -> usize {
    let port = ports::find(handle as u64);
    let revoked = wire::read(convert::raw_keys).and_then(|keys| port.revoke(&keys));
    let count = revoked.map_or_else(
        |error| {
            error::fail(error);
            0
        },
        |count| {
            scratch::set_outcome(Outcome::Granted);
            count
        },
    );
    settle::report(&port);
    count
}

/// What was handed over. A payload is gone with this, which the script is told later than it takes the value.
fn tell(handed: HandedOver) -> usize {
    let payload = handed.payload.as_ref().and_then(|payload| payload.downcast_ref::<Payload>());
    let payload = payload.map(Payload::number);
    let place = wire::read(convert::place).unwrap_or_default();
    wire::write(|out: &mut Writer| {
        out.object(3);
        convert::keys(out.field("keys"), &convert::unwrap(place.as_ref(), handed.keys));
        convert::keys(out.field("shared"), &convert::unwrap(place.as_ref(), handed.shared));
        out.field("payload").number_or_undefined(payload);
    })
}
