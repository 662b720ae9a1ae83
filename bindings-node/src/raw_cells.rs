//! The hot calls on cells, as those of [`raw`](crate::raw): short values cross in the memory that is shared, numbers in the
//! scratch.

use latchwork::{Change, Error, Expiry, Step};
use napi::sys;

use crate::calls::{self, CALL, RawSpec, SCOPE};
use crate::cells::{self, EXPIRES_IN, FLAG, VERSION};
use crate::environment::{Environment, Failed, Value};
use crate::raw::{Call, Function, Report, call};
use crate::scratch::{Outcome, SLOT};

pub(crate) const FUNCTIONS: [Function; 8] = [
    (c"getCell", Some(get)),
    (c"writeCell", Some(write)),
    (c"updateCell", Some(update)),
    (c"answerUpdate", Some(answer)),
    (c"transact", Some(transact)),
    (c"returned", Some(returned)),
    (c"txGet", Some(tx_get)),
    (c"txSet", Some(tx_set)),
];

/// The number by which a call is told that it can go on: it takes the whole lane.
const TELL: usize = SLOT;

/// A cell of the space: its value, if it is there; version and expiry in the scratch.
unsafe extern "C" fn get(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    // SAFETY: Node calls this.
    unsafe {
        call::<1>(env, info, |call| {
            let Call { environment, .. } = call;
            let key = call.key(0)?;
            let entry = environment.with(environment.handle(), |port| port.get(&key))?;
            environment.scratch.answer(Outcome::Granted);
            call.answer_value(cells::tell(environment, entry))?;
            Ok(Report::Nothing)
        })
    }
}

/// Sets the cell, or deletes it where there is no value; what the scratch has says on which conditions. `Refused` where
/// the version is another: then the cell as it is. Settles.
unsafe extern "C" fn write(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    // SAFETY: Node calls this.
    unsafe {
        call::<2>(env, info, |call| {
            let Call { environment, .. } = call;
            let commit = cells::single(environment, call.key(0)?, call.value(1)?);
            match environment.with(environment.handle(), |port| port.commit(commit))? {
                Ok(done) => {
                    environment.scratch.set_whole(VERSION, done.version);
                    environment.scratch.set(FLAG, f64::from(u8::from(done.existed)));
                    environment.scratch.answer(Outcome::Granted);
                    call.answer_value(None)?;
                }
                Err(mut conflicts) => {
                    environment.scratch.answer(Outcome::Refused);
                    let there = conflicts.pop().and_then(|conflict| cells::tell(environment, conflict.entry));
                    call.answer_value(there)?;
                }
            }
            Ok(Report::Settled)
        })
    }
}

/// Begins an update of this cell. `Resumed` with the number in the scratch is told when it can go on. A step; settles.
unsafe extern "C" fn update(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    // SAFETY: Node calls this.
    unsafe {
        call::<2>(env, info, |call| {
            begin(call, |environment, handle, tag| {
                let key = call.key(0)?;
                let spec: Option<RawSpec> = call.given(1).then(|| call.convert(1)).transpose()?.flatten();
                let expiry = spec.as_ref().and_then(|spec| cells::expiry(spec.expire_in)).unwrap_or(Expiry::Keep);
                let spec = calls::spec_of(environment, handle, spec)?;
                Ok((environment.with(handle, |port| port.update(&key, &spec, tag))?, expiry))
            })
        })
    }
}

/// Begins a transaction. A step; settles.
unsafe extern "C" fn transact(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    // SAFETY: Node calls this.
    unsafe {
        call::<1>(env, info, |call| {
            begin(call, |environment, handle, tag| {
                let spec = call.given(0).then(|| call.convert(0)).transpose()?.flatten();
                let spec = calls::spec_of(environment, handle, spec)?;
                Ok((environment.with(handle, |port| port.transact(&spec, tag))?, Expiry::Keep))
            })
        })
    }
}

/// The function of an update answered this value, or that the cell is to be deleted. A step; settles.
unsafe extern "C" fn answer(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    // SAFETY: Node calls this.
    unsafe {
        call::<1>(env, info, |call| {
            let change = call.value(0)?.map_or(Change::Delete, Change::Set);
            let scope = call.environment.scratch.whole(SCOPE);
            step(call, |known, expiry| known.answer(scope, change, expiry))
        })
    }
}

/// The body of a transaction returned. A step; settles.
unsafe extern "C" fn returned(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    // SAFETY: Node calls this.
    unsafe {
        call::<0>(env, info, |call| {
            let scope = call.environment.scratch.whole(SCOPE);
            step(call, |known, _| known.returned(scope))
        })
    }
}

/// A cell as the transaction sees it.
unsafe extern "C" fn tx_get(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    // SAFETY: Node calls this.
    unsafe {
        call::<1>(env, info, |call| {
            let Call { environment, .. } = call;
            let (number, scope) = body(environment);
            if let Some(entry) = calls::operate(environment, number, |known| known.get(scope, &call.key(0)?)) {
                call.answer_value(cells::tell(environment, entry))?;
            }
            Ok(Report::Nothing)
        })
    }
}

/// Sets a cell at the commit.
unsafe extern "C" fn tx_set(env: sys::napi_env, info: sys::napi_callback_info) -> sys::napi_value {
    // SAFETY: Node calls this.
    unsafe {
        call::<2>(env, info, |call| {
            let Call { environment, .. } = call;
            let value = call.value(1)?.unwrap_or_default();
            let (number, scope) = body(environment);
            let expiry = cells::expiry(environment.scratch.lane(EXPIRES_IN));
            calls::operate(environment, number, |known| known.set(scope, &call.key(0)?, value, expiry));
            Ok(Report::Nothing)
        })
    }
}

/// Begins the call that `make` makes.
fn begin<const N: usize>(
    call: &Call<'_, N>,
    make: impl FnOnce(&Environment, u64, u64) -> Result<(latchwork::Call<Value>, Expiry), Error>,
) -> Result<Report, Error> {
    let Call { environment, .. } = call;
    let handle = environment.handle();
    match make(environment, handle, environment.scratch.whole(TELL)) {
        Ok((made, expiry)) => call.answer_value(calls::begin(environment, handle, made, expiry))?,
        Err(error) => calls::fail(environment, Failed::Error(error)),
    }
    Ok(Report::Settled)
}

/// Makes the next step of the call in the scratch.
fn step<const N: usize>(
    call: &Call<'_, N>,
    next: impl FnOnce(&latchwork::Call<Value>, Expiry) -> Step<Value>,
) -> Result<Report, Error> {
    let Call { environment, .. } = call;
    let (handle, value) = calls::step_of(environment, environment.scratch.lane(CALL), next);
    call.answer_value(value)?;
    environment.report(call.env, handle);
    Ok(Report::Nothing)
}

/// By what numbers the call is known, and the body that runs.
fn body(environment: &Environment) -> (f64, u64) {
    (environment.scratch.lane(CALL), environment.scratch.whole(SCOPE))
}
