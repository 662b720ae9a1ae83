//! Errors of the core, kept until JavaScript takes them.

use std::cell::RefCell;
use std::collections::VecDeque;

use js_sys::Object;
use latchwork::{Blocker, Error, ErrorKind};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::scratch::{self, Outcome};
use crate::{clock, convert};

thread_local! {
    static KEPT: RefCell<VecDeque<Error>> = const { RefCell::new(VecDeque::new()) };
}

/// Takes the oldest error that was not taken yet.
#[wasm_bindgen]
pub fn failure() -> JsValue {
    let error = KEPT.with_borrow_mut(VecDeque::pop_front);
    to_js(&error.unwrap_or_else(|| Error::invalid("failure", "no call has failed")))
}

/// Ends a call with this error.
pub(crate) fn fail(error: Error) {
    keep(error);
    scratch::set_outcome(Outcome::Failed);
}

/// Keeps an error for [`failure`].
pub(crate) fn keep(error: Error) {
    KEPT.with_borrow_mut(|kept| kept.push_back(error));
}

/// The error as an object with its fields; those that its kind does not have are left out.
fn to_js(error: &Error) -> JsValue {
    let object = Object::new();
    convert::put(&object, "code", error.code());
    convert::put(&object, "message", error.to_string());
    let timed_out = error.kind() == ErrorKind::Timeout;
    if timed_out || error.kind() == ErrorKind::NotHeld {
        convert::put(&object, "keys", convert::keys_to_js(error.keys()));
    }
    if timed_out {
        convert::put(&object, "blockedBy", convert::list(error.blocked_by(), blocker));
    }
    convert::put_some(&object, "waited", error.waited().map(clock::milliseconds));
    convert::put_some(&object, "position", error.position().map(|position| position as f64));
    convert::put_some(&object, "what", error.what());
    convert::put_some(&object, "why", error.why());
    object.into()
}

/// One that stands in the way of a request.
pub(crate) fn blocker(blocker: &Blocker) -> JsValue {
    let object = Object::new();
    convert::put(&object, "key", convert::key_to_js(&blocker.key));
    convert::put_some(&object, "label", blocker.label.as_deref());
    convert::put_some(&object, "token", blocker.token.map(|token| token as f64));
    object.into()
}
