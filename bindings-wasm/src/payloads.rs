//! Values of JavaScript that the core keeps for somebody.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

use wasm_bindgen::JsValue;

thread_local! {
    /// By their numbers: the core takes what can go to other threads, which these values cannot.
    static VALUES: RefCell<BTreeMap<u32, JsValue>> = const { RefCell::new(BTreeMap::new()) };
    static LAST_NUMBER: Cell<u32> = const { Cell::new(0) };
}

/// Stands for a value, which goes with it.
#[derive(Debug)]
pub(crate) struct Payload(u32);

impl Payload {
    pub(crate) fn new(value: JsValue) -> Payload {
        let number = LAST_NUMBER.get().wrapping_add(1);
        LAST_NUMBER.set(number);
        VALUES.with_borrow_mut(|values| values.insert(number, value));
        Payload(number)
    }

    pub(crate) fn value(&self) -> JsValue {
        VALUES.with_borrow(|values| values.get(&self.0).cloned()).unwrap_or_default()
    }
}

impl Drop for Payload {
    fn drop(&mut self) {
        // When the thread ends they may be gone already.
        let value = VALUES.try_with(|values| values.borrow_mut().remove(&self.0));
        drop(value);
    }
}
