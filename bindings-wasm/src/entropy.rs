//! What must differ from one space to the next: hash seeds and epochs.

use std::cell::Cell;

use wasm_bindgen::prelude::wasm_bindgen;

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_namespace = crypto, js_name = getRandomValues)]
    fn fill_random(bytes: &mut [u8]);

    #[wasm_bindgen(js_namespace = Date, js_name = now)]
    fn wall_clock() -> f64;
}

/// Random bits below the milliseconds of an epoch: the sum stays below 2^53 until the year 2109.
const EPOCH_RANDOM_BITS: u32 = 11;

thread_local! {
    static LAST_EPOCH: Cell<u64> = const { Cell::new(0) };
}

/// A random number: keys are users' input, and must not be able to aim at one bucket.
pub(crate) fn seed() -> u64 {
    let mut bytes = [0; 8];
    fill_random(&mut bytes);
    u64::from_le_bytes(bytes)
}

/// An epoch: new in each life of a space, and larger in a later one, as far as the wall clock goes forward.
pub(crate) fn epoch() -> u64 {
    let random = seed() & ((1 << EPOCH_RANDOM_BITS) - 1);
    let now = (wall_clock() as u64) << EPOCH_RANDOM_BITS | random;
    let epoch = now.max(LAST_EPOCH.get() + 1);
    LAST_EPOCH.set(epoch);
    epoch
}
