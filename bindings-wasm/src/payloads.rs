//! Values of JavaScript that the core keeps for somebody: the script has them, and here is the number of each.

use std::cell::RefCell;

use wasm_bindgen::prelude::wasm_bindgen;

thread_local! {
    /// The numbers of values that the core keeps no longer.
    static GONE: RefCell<Vec<u64>> = const { RefCell::new(Vec::new()) };
}

/// Stands for a value.
#[derive(Debug)]
pub(crate) struct Payload(u64);

impl Payload {
    /// The value of this number; 0 for none.
    pub(crate) fn numbered(number: f64) -> Option<Payload> {
        (number != 0.0).then_some(Payload(number as u64))
    }

    pub(crate) fn number(&self) -> f64 {
        self.0 as f64
    }
}

impl Drop for Payload {
    fn drop(&mut self) {
        // When the thread ends the list may be gone already, and the script with it.
        let _ = GONE.try_with(|gone| gone.borrow_mut().push(self.0));
    }
}

/// The number of a value that the core keeps no longer, each once; 0 where there is none.
#[wasm_bindgen(js_name = gonePayload)]
pub fn gone_payload() -> f64 {
    GONE.with_borrow_mut(|gone| gone.pop().unwrap_or_default()) as f64
}
