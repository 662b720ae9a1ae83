//! Wakes that come from other threads, and those that need no wake.
//!
//! A port is woken when another port, thread or handle settled something for it. Where that happens inside a call of the
//! same JavaScript thread (two handles on one space), the call reports it itself; otherwise one call of the environment's
//! threadsafe function brings it to the loop, one per batch.

use std::ffi::c_void;
use std::ptr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::{self, ThreadId};

use napi::sys;

/// The part of an environment that other threads see.
#[derive(Debug)]
pub(crate) struct Waker {
    thread: ThreadId,
    /// Whether this environment is inside a call that will report what is noted.
    inside: AtomicBool,
    /// Whether `noted` has something.
    noticed: AtomicBool,
    noted: Mutex<Vec<u64>>,
    function: Mutex<Option<Function>>,
}

/// Until it is dropped a call is under way.
#[derive(Debug)]
pub(crate) struct Inside<'a>(&'a Waker);

impl Drop for Inside<'_> {
    fn drop(&mut self) {
        self.0.leave();
    }
}

#[derive(Debug)]
struct Function(sys::napi_threadsafe_function);

// SAFETY: Node lets any thread call a threadsafe function; the other calls are made on the loop's thread only.
unsafe impl Send for Function {}

impl Waker {
    pub(crate) fn new() -> Waker {
        Waker {
            thread: thread::current().id(),
            inside: AtomicBool::new(false),
            noticed: AtomicBool::new(false),
            noted: Mutex::default(),
            function: Mutex::default(),
        }
    }

    /// A call begins whose end looks at [`take_noted`](Waker::take_noted).
    #[inline]
    pub(crate) fn enter(&self) {
        self.inside.store(true, Ordering::Relaxed);
    }

    /// The call ends. What it has not reported, since it is a call that answers one thing only, comes to the loop as what
    /// other threads settle does.
    #[inline]
    pub(crate) fn leave(&self) {
        self.inside.store(false, Ordering::Relaxed);
        if self.noticed() {
            self.pass_on();
        }
    }

    #[cold]
    fn pass_on(&self) {
        self.take_noted().into_iter().for_each(|handle| self.wake(handle));
    }

    /// A call as [`enter`](Waker::enter) and [`leave`](Waker::leave) are, also where it ends by a panic.
    pub(crate) fn inside(&self) -> Inside<'_> {
        self.enter();
        Inside(self)
    }

    /// Whether wakes came during the call.
    #[inline]
    pub(crate) fn noticed(&self) -> bool {
        self.noticed.load(Ordering::Relaxed)
    }

    /// The handles that were woken during the call.
    pub(crate) fn take_noted(&self) -> Vec<u64> {
        self.noticed.store(false, Ordering::Relaxed);
        std::mem::take(&mut *lock(&self.noted))
    }

    /// Something was settled for the handle. Called from any thread.
    pub(crate) fn wake(&self, handle: u64) {
        // Only its own thread sets `inside`, so that thread reads its own write, and no other passes the first test.
        if thread::current().id() == self.thread && self.inside.load(Ordering::Relaxed) {
            lock(&self.noted).push(handle);
            self.noticed.store(true, Ordering::Relaxed);
            return;
        }
        let mut function = lock(&self.function);
        let Some(Function(raw)) = *function else { return };
        // SAFETY: the function is there until `close` has taken it, under the same mutex. It was made with the handle as
        // its data: a number, not a pointer.
        let status = unsafe {
            sys::napi_call_threadsafe_function(
                raw,
                ptr::without_provenance_mut(handle as usize),
                sys::ThreadsafeFunctionCallMode::nonblocking,
            )
        };
        if status == sys::Status::napi_closing {
            *function = None;
        }
    }

    /// Names the JavaScript function that a wake calls.
    ///
    /// # Safety
    ///
    /// Called on the thread of `env` with a live function value.
    pub(crate) unsafe fn set_function(&self, env: sys::napi_env, callback: sys::napi_value) -> sys::napi_status {
        let mut name = ptr::null_mut();
        let mut raw = ptr::null_mut();
        // SAFETY: `env` and `callback` are live, as the caller promises; the out pointers are to locals.
        unsafe {
            sys::napi_create_string_utf8(env, c"latchwork".as_ptr(), 9, &mut name);
            let status = sys::napi_create_threadsafe_function(
                env,
                callback,
                ptr::null_mut(),
                name,
                0,
                1,
                ptr::null_mut(),
                None,
                ptr::null_mut(),
                Some(call_wake),
                &mut raw,
            );
            if status != sys::Status::napi_ok {
                return status;
            }
            // An idle space must not keep the process alive.
            sys::napi_unref_threadsafe_function(env, raw);
        }
        *lock(&self.function) = Some(Function(raw));
        sys::Status::napi_ok
    }

    /// Keeps the process alive while something is pending that another thread can settle.
    ///
    /// # Safety
    ///
    /// Called on the thread of `env`.
    pub(crate) unsafe fn hold_process(&self, env: sys::napi_env) {
        if let Some(Function(raw)) = *lock(&self.function) {
            // SAFETY: the function is live, see `wake`; the thread is the loop's, as the caller promises.
            unsafe { sys::napi_ref_threadsafe_function(env, raw) };
        }
    }

    /// The opposite of [`hold_process`](Waker::hold_process).
    ///
    /// # Safety
    ///
    /// Called on the thread of `env`.
    pub(crate) unsafe fn let_process_go(&self, env: sys::napi_env) {
        if let Some(Function(raw)) = *lock(&self.function) {
            // SAFETY: as in `hold_process`.
            unsafe { sys::napi_unref_threadsafe_function(env, raw) };
        }
    }

    /// The environment ends: later wakes do nothing. Node frees the function itself.
    pub(crate) fn close(&self) {
        lock(&self.function).take();
    }
}

/// Locks a mutex whose values are whole at all times, also after a panic.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Runs on the loop's thread: calls the JavaScript function with the handle.
unsafe extern "C" fn call_wake(env: sys::napi_env, callback: sys::napi_value, _: *mut c_void, handle: *mut c_void) {
    if env.is_null() || callback.is_null() {
        return;
    }
    let mut this = ptr::null_mut();
    let mut argument = ptr::null_mut();
    // SAFETY: Node calls this on the loop's thread with a live environment and function; the out pointers are to locals.
    unsafe {
        sys::napi_get_undefined(env, &mut this);
        sys::napi_create_double(env, handle.addr() as f64, &mut argument);
        sys::napi_call_function(env, this, callback, 1, &argument, ptr::null_mut());
    }
}
