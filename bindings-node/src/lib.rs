//! The Node.js addon of Latchwork: number handles and free functions over the core's ports.
//!
//! JavaScript sees this only through `bindings-js/src/native.ts`, which says what each function means; classes, promises,
//! timers of spaces without a name and argument checks are there. Locking and releasing cross the border through `raw`; everything else
//! through macros. Unsafe code is confined to the raw calls and to what they stand on: the conversion of keys, the shared
//! lanes and the threadsafe function.

#![cfg_attr(test, allow(dead_code, unused_imports, reason = "the macros register nothing in a build for tests"))]

mod calls;
mod cells;
mod clock;
mod convert;
mod environment;
mod error;
mod grant;
mod key;
mod line;
mod numbered;
mod owner;
mod query;
mod raw;
mod raw_cells;
mod scratch;
mod space;
mod steal;
mod timer;
mod wake;

use std::ptr::{self, NonNull};
use std::rc::Rc;

use napi::bindgen_prelude::Object;
use napi::{Env, JsValue, Status, sys};
use napi_derive::napi;

use crate::environment::Environment;
use crate::scratch::{LANES, Scratch, VALUE_MAX, Values};

/// Sets the addon up in one environment: the main thread, or a worker.
#[napi(module_exports)]
pub fn module_exports(exports: Object<'_>, env: Env) -> napi::Result<()> {
    let (lanes, scratch) = shared(&env, sys::TypedarrayType::float64_array, LANES, size_of::<f64>())?;
    let (bytes, values) = shared(&env, sys::TypedarrayType::uint8_array, VALUE_MAX, 1)?;
    // SAFETY: the memory is as large as it must be, and stays; JavaScript and this crate use it in turn, on one thread.
    let environment = unsafe { Environment::new(Scratch::new(lanes.cast()), Values::new(bytes)) };
    let environment = Rc::new(environment);
    env.set_instance_data(Rc::clone(&environment), (), |_| {})?;
    // SAFETY: the environment and `exports` are live. The instance data above, which lives as long as the JavaScript
    // environment, keeps the value behind the pointer.
    unsafe {
        check(sys::napi_set_named_property(env.raw(), exports.raw(), c"scratch".as_ptr(), scratch))?;
        check(sys::napi_set_named_property(env.raw(), exports.raw(), c"values".as_ptr(), values))?;
        check(raw::export(env.raw(), exports.raw(), Rc::as_ptr(&environment)))?;
    }
    env.add_env_cleanup_hook(environment, |environment| {
        environment.end();
        timer::end();
    })?;
    timer::begin();
    Ok(())
}

/// Makes memory that is shared: where it is, and an array of so many elements of this size over it.
fn shared(
    env: &Env,
    kind: sys::napi_typedarray_type,
    length: usize,
    size: usize,
) -> napi::Result<(NonNull<u8>, sys::napi_value)> {
    let mut memory = ptr::null_mut();
    let mut buffer = ptr::null_mut();
    let mut array = ptr::null_mut();
    let mut kept = ptr::null_mut();
    // SAFETY: the environment is live and the out pointers are to locals. A reference that is never given back keeps
    // the buffer, whose memory does not move, for as long as the environment lives.
    unsafe {
        check(sys::napi_create_arraybuffer(env.raw(), length * size, &mut memory, &mut buffer))?;
        check(sys::napi_create_typedarray(env.raw(), kind, length, buffer, 0, &mut array))?;
        check(sys::napi_create_reference(env.raw(), array, 1, &mut kept))?;
    }
    match NonNull::new(memory.cast()) {
        Some(memory) => Ok((memory, array)),
        None => Err(napi::Error::from_reason("there is no memory to be shared")),
    }
}

fn check(status: sys::napi_status) -> napi::Result<()> {
    match Status::from(status) {
        Status::Ok => Ok(()),
        failed => Err(napi::Error::from_status(failed)),
    }
}
