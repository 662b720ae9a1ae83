//! Values of JavaScript that the core keeps for somebody: the script has them, and here is the number of each.

use std::cell::RefCell;

use wasm_bindgen::prelude::wasm_bindgen;

thread_local! {
    /// The numbers of values that the core keeps no longer.
    static GONE: RefCell<Vec<u32>> = const { RefCell::new(Vec::new()) };
}

/// Stands for a value.
#[derive(Debug)]
pub(crate) struct Payload(u32);

impl Payload {
    /// The value of this number; 0 for none.
    pub(crate) fn numbered(number: u32) -> Option<Payload> {
        (number != 0).then_some(Payload(number))
    }

    pub(crate) fn number(&self) -> u32 {
        self.0
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
pub fn gone_payload() -> u32 {
    GONE.with_borrow_mut(|gone| gone.pop().unwrap_or_default())
}
