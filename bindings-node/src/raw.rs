//! The hot calls, on the raw N-API: few arguments, everything else in the scratch.
//!
//! Each entry reads its arguments, calls the core once and writes the answer to the scratch. None throws; a panic, which
//! would be a defect, becomes an error there as well.

use std::cell::Cell;
use std::ffi::{CStr, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::{ptr, slice};

use latchwork::{Answer, Cancelled, Error, Grant, Key, LockSpec};
use napi::bindgen_prelude::{FromNapiValue, ToNapiValue};
use napi::sys;

use crate::cells::Bytes;
use crate::clock::from_milliseconds;
use crate::environment::{Defect, Environment, Failed, Port, Value};
use crate::scratch::{DEFERRED, LONG_VALUE, MAX_HOLD, NO_VALUE, OWNER, Outcome, SETTLED, TIMEOUT, VALUE};
use crate::{calls, convert, raw_cells};

/// A function and its name in JavaScript.
pub(crate) type Function = (&'static CStr, sys::napi_callback);

const FUNCTIONS: [Function; 12] = [
    (c"lock", Some(lock)),
    (c"join", Some(join)),
    (c"lockWith", Some(lock_with)),
    (c"tryLock", Some(try_lock)),
    (c"tryLockWith", Some(try_lock_with)),
    (c"release", Some(release)),
    (c"cancel", Some(cancel)),
    (c"confirm", Some(confirm)),
    (c"held", Some(held)),
    (c"drain", Some(drain)),
    (c"onWake", Some(on_wake)),
    (c"defect", Some(defect)),
];

/// Adds the functions to the module.
///
/// # Safety
///
/// `env` and `exports` are live; `environment` lives as long as the JavaScript environment can call functions.
pub(crate) unsafe fn export(
    env: sys::napi_env,
    exports: sys::napi_value,
    environment: *const Environment,
) -> sys::napi_status {
    for (name, callback) in FUNCTIONS.into_iter().chain(raw_cells::FUNCTIONS) {
        let mut function = ptr::null_mut();
        // SAFETY: as the caller promises; the names end with a zero.
        let status = unsafe {
            let data = environment.cast_mut().cast::<c_void>();
            let length = name.to_bytes().len() as isize;
            match sys::napi_create_function(env, name.as_ptr(), length, callback, data, &mut function) {
                sys::Status::napi_ok => sys::napi_set_named_property(env, exports, name.as_ptr(), function),
                failed => failed,
            }
        };
        if status != sys::Status::napi_ok {
            return status;
        }
    }
    sys::Status::napi_ok
}

/// One call: where it came from and what it was given.
pub(crate) struct Call<'a, const N: usize> {
    pub(crate) env: sys::napi_env,
    pub(crate) environment: &'a Environment,
    arguments: [sys::napi_value; N],
    count: usize,
    /// What it answers besides what is in the scratch: usually nothing.
    answer: Cell<sys::napi_value>,
}

/// What a call reports of what was settled meanwhile.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Report {
    /// What its port has.
    Settled,
    /// What it has taken from its port.
    Taken,
    /// Nothing: what was granted at once settled nothing for others, or the call has reported it itself.
    Nothing,
}

/// Runs the body of one call, and reports what it settled.
///
/// # Safety
///
/// Called by Node, with what it passed to a callback that [`export`] made.
#[inline]
pub(crate) unsafe fn call<const N: usize>(
    env: sys::napi_env,
    info: sys::napi_callback_info,
    body: impl FnOnce(&Call<'_, N>) -> Result<Report, Error>,
) -> sys::napi_value {
    let mut arguments = [ptr::null_mut(); N];
    let mut count = N;
    let mut data = ptr::null_mut();
    // SAFETY: `env` and `info` come from Node; there is room for `count` arguments. The data is the environment that
    // `export` was given, which outlives every call.
    let environment = unsafe {
        sys::napi_get_cb_info(env, info, &mut count, arguments.as_mut_ptr(), ptr::null_mut(), &mut data);
        &*data.cast::<Environment>()
    };
    environment.waker().enter();
    let call = Call { env, environment, arguments, count, answer: Cell::new(ptr::null_mut()) };
    let ended = catch_unwind(AssertUnwindSafe(|| {
        environment.join_line();
        let report = body(&call).unwrap_or_else(|error| {
            environment.fail(Failed::Error(error));
            Report::Settled
        });
        match report {
            Report::Settled => environment.report(env, environment.handle()),
            Report::Taken => environment.report_taken(env, environment.handle()),
            Report::Nothing => {}
        }
    }));
    environment.waker().leave();
    if let Err(panic) = ended {
        environment.scratch.set(SETTLED, 0.0);
        calls::fail(environment, Failed::panic(panic.as_ref()));
    }
    call.answer.get()
}

impl<const N: usize> Call<'_, N> {
    pub(crate) fn given(&self, argument: usize) -> bool {
        argument < self.count
    }

    #[inline]
    pub(crate) fn key(&self, argument: usize) -> Result<Key, Error> {
        // SAFETY: the environment and the arguments are those of this call, hence live.
        unsafe { convert::key(self.env, self.arguments[argument]) }
    }

    pub(crate) fn convert<T: FromNapiValue>(&self, argument: usize) -> Result<T, Error> {
        // SAFETY: as in `key`.
        unsafe { T::from_napi_value(self.env, self.arguments[argument]) }
            .map_err(|error| Error::invalid("argument", error.to_string()))
    }

    /// The value given: a short one is in the shared memory, a long one this argument.
    #[inline]
    pub(crate) fn value(&self, argument: usize) -> Result<Option<Value>, Error> {
        let Environment { scratch, values, .. } = self.environment;
        match scratch.lane(VALUE) {
            NO_VALUE => Ok(None),
            // SAFETY: as in `key`.
            LONG_VALUE => unsafe { convert::bytes(self.env, self.arguments[argument]) }.map(|long| Some(long.into())),
            short => Ok(Some(values.read(short as usize))),
        }
    }

    /// Answers a value, or nothing.
    #[inline]
    pub(crate) fn answer_value(&self, value: Option<Bytes>) -> Result<(), Error> {
        let Environment { scratch, values, .. } = self.environment;
        let length = match value {
            None => NO_VALUE,
            Some(Bytes(short)) if values.write(&short) => short.len() as f64,
            Some(long) => {
                // SAFETY: as in `key`.
                let array = unsafe { Bytes::to_napi_value(self.env, long) };
                self.answer.set(array.map_err(|error| Error::invalid("value", error.to_string()))?);
                LONG_VALUE
            }
        };
        scratch.set(VALUE, length);
        Ok(())
    }

    /// Exclusive and shared keys and a label; in the lanes the number of an owner or 0, and how long the grant lasts at most.
    fn request(&self) -> Result<LockSpec, Error> {
        let Environment { scratch, owners, .. } = self.environment;
        // SAFETY: the environment and the arguments are those of this call, hence live.
        let (exclusive, shared, label) = unsafe {
            let [exclusive, shared] = [0, 1].map(|argument| convert::keys(self.env, self.arguments[argument]));
            (exclusive?, shared?, convert::label(self.env, self.arguments[2])?)
        };
        let mut spec = match exclusive {
            convert::Keys::One(key) => LockSpec::new(key),
            convert::Keys::Several(keys) => LockSpec::new(keys),
        };
        match shared {
            convert::Keys::One(key) => spec = spec.shared(key),
            convert::Keys::Several(keys) if keys.is_empty() => {}
            convert::Keys::Several(keys) => spec = spec.shared(keys),
        }
        if let Some(label) = label {
            spec = spec.label(label);
        }
        let owner = scratch.whole(OWNER);
        // What answers for a handle that is closed is another space.
        if owner != 0 && !self.environment.with(self.environment.handle(), |port| port.space().is_closed()) {
            spec = spec.owner(&owners.find(owner as f64)?);
        }
        let max_hold = scratch.lane(MAX_HOLD);
        if max_hold.is_finite() {
            spec = spec.max_hold(from_milliseconds(max_hold));
            // Now, since this thread may be blocked when the grant comes.
            self.environment.keep_time(self.environment.handle());
        }
        Ok(spec)
    }

    #[inline]
    fn enqueue(&self, deferred: bool, ask: impl FnOnce(&Port, u64) -> Result<Answer, Error>) -> Result<Report, Error> {
        let environment = self.environment;
        let handle = environment.handle();
        match environment.with(handle, |port| ask(port, environment.tag(deferred)))? {
            Answer::Granted(grant) => {
                environment.tell_grant(&grant);
                Ok(Report::Nothing)
            }
            Answer::Waiting(ticket) => {
                environment.tell_ticket(ticket);
                environment.waits(self.env, handle);
                environment.scratch.answer(Outcome::Waiting);
                Ok(Report::Settled)
            }
        }
    }

    #[inline]
    fn take(&self, f: impl FnOnce(&Port) -> Result<Option<Grant>, Error>) -> Result<Report, Error> {
        match self.environment.with(self.environment.handle(), f)? {
            Some(grant) => self.environment.tell_grant(&grant),
            None => self.environment.scratch.answer(Outcome::Refused),
        }
        Ok(Report::Nothing)
    }
}

unsafe extern "C" fn lock(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    // SAFETY: Node calls this.
    unsafe {
        call::<2>(env, info, |call| {
            if call.given(1) {
                let keys = [call.key(0)?, call.key(1)?];
                return call.enqueue(false, |port, tag| port.lock_keys(&keys, tag));
            }
            let key = call.key(0)?;
            let report = call.enqueue(false, |port, tag| port.lock_keys(slice::from_ref(&key), tag))?;
            if report == Report::Settled {
                call.environment.wait_in_line(call.environment.handle(), &key);
            }
            Ok(report)
        })
    }
}

/// Makes the requests that are written down, as every call does first.
unsafe extern "C" fn join(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    // SAFETY: Node calls this.
    unsafe { call::<0>(env, info, |_| Ok(Report::Nothing)) }
}

unsafe extern "C" fn lock_with(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    // SAFETY: Node calls this.
    unsafe {
        call::<3>(env, info, |call| {
            let mut spec = call.request()?;
            let Environment { scratch, .. } = call.environment;
            let timeout = scratch.lane(TIMEOUT);
            if timeout.is_finite() {
                spec = spec.timeout(from_milliseconds(timeout));
            }
            call.enqueue(scratch.lane(DEFERRED) != 0.0, |port, tag| port.lock(&spec, tag))
        })
    }
}

unsafe extern "C" fn try_lock(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    // SAFETY: Node calls this.
    unsafe {
        call::<2>(env, info, |call| {
            let spec = match call.given(1) {
                true => LockSpec::new([call.key(0)?, call.key(1)?]),
                false => LockSpec::new(call.key(0)?),
            };
            call.take(|port| port.try_lock(&spec))
        })
    }
}

unsafe extern "C" fn try_lock_with(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    // SAFETY: Node calls this.
    unsafe {
        call::<3>(env, info, |call| {
            let spec = call.request()?;
            call.take(|port| port.try_lock(&spec))
        })
    }
}

unsafe extern "C" fn release(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    // SAFETY: Node calls this.
    unsafe {
        call::<0>(env, info, |call| {
            let environment = call.environment;
            let reported = environment.release(env, environment.handle(), environment.ticket())?;
            environment.scratch.answer(Outcome::Granted);
            Ok(if reported { Report::Nothing } else { Report::Taken })
        })
    }
}

unsafe extern "C" fn cancel(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    // SAFETY: Node calls this.
    unsafe {
        call::<0>(env, info, |call| {
            let environment = call.environment;
            let handle = environment.handle();
            let outcome = match environment.with(handle, |port| port.cancel(environment.ticket())) {
                Cancelled::Waiting => {
                    environment.waited(env, environment.is_named(handle));
                    Outcome::Waiting
                }
                Cancelled::GrantGivenOn => Outcome::GivenOn,
                Cancelled::Gone => Outcome::Refused,
            };
            environment.scratch.answer(outcome);
            Ok(Report::Settled)
        })
    }
}

unsafe extern "C" fn confirm(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    // SAFETY: Node calls this.
    unsafe {
        call::<0>(env, info, |call| {
            let environment = call.environment;
            environment.confirm(environment.handle(), environment.ticket())?;
            environment.scratch.answer(Outcome::Granted);
            Ok(Report::Settled)
        })
    }
}

unsafe extern "C" fn held(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    // SAFETY: Node calls this.
    unsafe {
        call::<0>(env, info, |call| {
            let held = call.environment.held(call.environment.handle(), call.environment.ticket());
            call.environment.scratch.answer(if held { Outcome::Granted } else { Outcome::Refused });
            Ok(Report::Nothing)
        })
    }
}

unsafe extern "C" fn drain(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    // SAFETY: Node calls this.
    unsafe { call::<0>(env, info, |_| Ok(Report::Settled)) }
}

unsafe extern "C" fn on_wake(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    // SAFETY: Node calls this, with a function.
    unsafe {
        call::<1>(env, info, |call| match call.environment.waker().set_function(env, call.arguments[0]) {
            sys::Status::napi_ok => Ok(Report::Settled),
            status => Err(Error::invalid("wake", format!("not accepted as a callback: status={status}"))),
        })
    }
}

/// For tests: panics, as a defect would; at once, or where the argument says so in a later step.
unsafe extern "C" fn defect(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    // SAFETY: Node calls this.
    unsafe {
        call::<1>(env, info, |call| {
            match call.given(0).then(|| call.convert::<String>(0)).transpose()?.as_deref() {
                None => panic!("asked for by a test"),
                Some("end") => call.environment.arm(Defect::AtEnd),
                Some(_) => call.environment.arm(Defect::InNextCall),
            }
            Ok(Report::Settled)
        })
    }
}
