//! The owners that JavaScript names by numbers.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

use latchwork::{Error, Owner};
use napi::Env;
use napi_derive::napi;

use crate::environment::Environment;

/// The owners of one environment. Numbers are never used again.
#[derive(Debug, Default)]
pub(crate) struct Owners {
    last: Cell<u32>,
    known: RefCell<BTreeMap<u32, Owner>>,
}

impl Owners {
    /// Gives an owner a number.
    pub(crate) fn add(&self, owner: Owner) -> u32 {
        self.last.set(self.last.get() + 1);
        self.known.borrow_mut().insert(self.last.get(), owner);
        self.last.get()
    }

    /// The owner of this number.
    pub(crate) fn find(&self, number: u32) -> Result<Owner, Error> {
        self.known.borrow().get(&number).cloned().ok_or_else(|| Error::invalid("owner", "no such owner"))
    }

    fn forget(&self, number: u32) {
        let forgotten = self.known.borrow_mut().remove(&number);
        // Outside of the borrow: it ends in the core.
        drop(forgotten);
    }

    /// The environment ends.
    pub(crate) fn clear(&self) {
        drop(self.known.take());
    }
}

/// Makes an owner in the space; answers its number.
#[napi(catch_unwind)]
pub(crate) fn owner(env: &Env, handle: f64, label: Option<String>) -> napi::Result<u32> {
    let environment = Environment::of(env)?;
    let owner = environment.with(handle as u64, |port| port.owner(label.as_deref()));
    Ok(environment.owners.add(owner))
}

/// The id of an owner.
#[napi(catch_unwind)]
pub(crate) fn owner_id(env: &Env, number: u32) -> napi::Result<Option<String>> {
    let environment = Environment::of(env)?;
    let found = environment.owners.find(number).map(|owner| owner.id().to_owned());
    Ok(environment.answer(found))
}

/// Gives the grant in the scratch, which has none, an owner; answers its number.
#[napi(catch_unwind)]
pub(crate) fn adopt(env: &Env) -> napi::Result<u32> {
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
pub(crate) fn close_owner(env: &Env, handle: f64, number: u32) -> napi::Result<u32> {
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
pub(crate) fn forget_owner(env: &Env, number: u32) -> napi::Result<()> {
    Environment::of(env)?.owners.forget(number);
    Ok(())
}
