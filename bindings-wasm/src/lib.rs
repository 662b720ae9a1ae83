//! Latchwork for browsers: the native side of the npm package `latchwork-web`.
//!
//! The module implements the interface `Native` of `bindings-js/src/native.ts` over core's [`Port`](latchwork::Port):
//! free functions, number handles, lanes of doubles in memory that JavaScript reads and writes in place
//! (`scratch.rs`), and bytes for keys and texts (`wire.rs`). Every argument is checked before the core sees it, because a panic would leave the module unusable.
//! There is one thread, so a space has one shard and every call reports all that it settled, for whatever handle.
//!
//! No state of this crate is borrowed while JavaScript runs or while the core works: a call that comes back in from
//! there finds everything whole.

#![forbid(unsafe_code)]
// The exports of a Wasm module are public by their attribute; no Rust code uses this crate.
#![expect(unreachable_pub, reason = "exported by `#[wasm_bindgen]`")]

mod calls;
mod cells;
mod clock;
mod convert;
mod entropy;
mod error;
mod grants;
mod locks;
mod numbered;
mod owners;
mod payloads;
mod ports;
mod query;
mod scratch;
mod settle;
mod steal;
mod wire;
