//! The owners that JavaScript names by numbers.

use latchwork::{Error, Owner};
use napi::Env;
use napi_derive::napi;

use crate::environment::Environment;
use crate::numbered::Numbered;

/// The owners of one environment.
pub(crate) type Owners = Numbered<Owner>;

impl Owners {
    /// The owner of this number.
    pub(crate) fn find(&self, number: f64) -> Result<Owner, Error> {
        self.with(number, |owner| owner.clone()).ok_or_else(|| Error::invalid("owner", "no such owner"))
    }
}

/// Makes an owner in the space; answers its number.
#[napi(catch_unwind)]
pub(crate) fn owner(env: &Env, handle: f64, label: Option<String>) -> napi::Result<f64> {
    let environment = Environment::of(env)?;
    let owner = environment.with(handle as u64, |port| port.owner(label.as_deref()));
    Ok(environment.owners.add(owner))
}

/// The id of an owner.
#[napi(catch_unwind)]
pub(crate) fn owner_id(env: &Env, number: f64) -> napi::Result<Option<String>> {
    let environment = Environment::of(env)?;
    let found = environment.owners.find(number).map(|owner| owner.id().to_owned());
    Ok(environment.answer(found))
}

/// Gives the grant in the scratch, which has none, an owner; answers its number.
#[napi(catch_unwind)]
pub(crate) fn adopt(env: &Env) -> napi::Result<f64> {
    let environment = Environment::of(env)?;
    let owner = environment.with(environment.handle(), |port| {
        let owner = port.owner(None);
        port.adopt(environment.ticket(), &owner);
        owner
    });
    Ok(environment.owners.add(owner))
}

/// Ends an owner; answers how many locks and waits that ended. Settles.
#[napi(catch_unwind)]
pub(crate) fn close_owner(env: &Env, handle: f64, number: f64) -> napi::Result<u32> {
    let environment = Environment::of(env)?;
    let _inside = environment.waker().inside();
    let ended = match environment.owners.find(number) {
        Ok(owner) => environment.with(handle as u64, |port| port.close_owner(&owner)),
        Err(_) => 0,
    };
    environment.report(env.raw(), handle as u64);
    Ok(u32::try_from(ended).unwrap_or(u32::MAX))
}

/// JavaScript cannot name the owner any more.
#[napi(catch_unwind)]
pub(crate) fn forget_owner(env: &Env, number: f64) -> napi::Result<()> {
    let forgotten = Environment::of(env)?.owners.take(number);
    drop(forgotten);
    Ok(())
}

/// For tests: as if this environment had given so many numbers.
#[napi(catch_unwind, js_name = "skipNumbers")]
pub(crate) fn skip_numbers(env: &Env, last: f64) -> napi::Result<()> {
    let environment = Environment::of(env)?;
    environment.owners.skip_to(last);
    environment.watches.skip_to(last);
    environment.calls.skip_to(last);
    Ok(())
}
