//! Values of JavaScript that the core keeps for somebody.

use std::cell::RefCell;

use slab::Slab;
use wasm_bindgen::JsValue;

thread_local! {
    /// By their places: the core takes what can go to other threads, which these values cannot.
    static VALUES: RefCell<Slab<JsValue>> = const { RefCell::new(Slab::new()) };
}

/// Stands for a value, which goes with it.
#[derive(Debug)]
pub(crate) struct Payload(usize);

impl Payload {
    pub(crate) fn new(value: JsValue) -> Payload {
        Payload(VALUES.with_borrow_mut(|values| values.insert(value)))
    }

    pub(crate) fn value(&self) -> JsValue {
        VALUES.with_borrow(|values| values.get(self.0).cloned()).unwrap_or_default()
    }
}

impl Drop for Payload {
    fn drop(&mut self) {
        // When the thread ends they may be gone already.
        let value = VALUES.try_with(|values| values.borrow_mut().try_remove(self.0));
        drop(value);
    }
}
