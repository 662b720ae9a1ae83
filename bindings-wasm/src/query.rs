//! One instant of the lock table, as JavaScript reads it.

use js_sys::{Array, Object};
use latchwork::{Hold, Query, Wait};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::{clock, convert, error, locks, ports};

/// Held and pending at one instant, of everything or of these keys; undefined with outcome `Failed`.
#[wasm_bindgen]
pub fn query(handle: f64, keys: Option<Array>) -> JsValue {
    let query = || {
        let keys = keys.map(|keys| convert::raw_keys(&keys)).transpose()?;
        ports::find(handle as u64).query(keys.as_deref())
    };
    convert::or_undefined(query().map(|query| to_js(&query)))
}

/// What a request for these keys asks for; undefined with outcome `Failed`.
#[wasm_bindgen(js_name = keySet)]
pub fn key_set(exclusive: &Array, shared: &Array) -> JsValue {
    convert::or_undefined(locks::spec(exclusive, shared, &JsValue::UNDEFINED).map(|spec| {
        let (keys, shared) = spec.key_set();
        let object = Object::new();
        convert::put(&object, "keys", convert::keys_to_js(&keys));
        convert::put(&object, "shared", convert::keys_to_js(&shared));
        object.into()
    }))
}

fn to_js(query: &Query) -> JsValue {
    let object = Object::new();
    convert::put(&object, "held", convert::list(&query.held, hold));
    convert::put(&object, "pending", convert::list(&query.pending, wait));
    object.into()
}

fn hold(hold: &Hold) -> JsValue {
    let object = Object::new();
    convert::put(&object, "keys", convert::keys_to_js(&hold.keys));
    convert::put(&object, "shared", convert::keys_to_js(&hold.shared));
    convert::put(&object, "token", hold.token as f64);
    convert::put_some(&object, "label", hold.label.as_deref());
    convert::put_some(&object, "age", hold.age.map(clock::milliseconds));
    convert::put(&object, "claimed", hold.claimed);
    object.into()
}

fn wait(wait: &Wait) -> JsValue {
    let object = Object::new();
    convert::put(&object, "keys", convert::keys_to_js(&wait.keys));
    convert::put(&object, "shared", convert::keys_to_js(&wait.shared));
    convert::put_some(&object, "label", wait.label.as_deref());
    convert::put_some(&object, "age", wait.age.map(clock::milliseconds));
    convert::put(&object, "position", wait.position as f64);
    convert::put(&object, "blockedBy", convert::list(&wait.blocked_by, error::blocker));
    object.into()
}
