//! What the steps of a file have made so far, by name.

use std::collections::BTreeMap;

use super::cells::{CellCall, Used};
use super::{Call, Outcome, Step};

/// What the steps of a file have made so far.
#[derive(Clone, Debug, Default)]
pub(super) struct Made<'a>(BTreeMap<&'a str, Thing>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Thing {
    Result,
    /// The result of an update or a transaction, which may have a version.
    Call,
    Owner,
    Version,
    /// The version of an entry that was read.
    Entry,
    Watch,
}

impl<'a> Made<'a> {
    /// Refuses a step that names what no earlier step made (`before`), or that makes something a second time; notes what
    /// it makes.
    pub(super) fn check_step(&mut self, step: &'a Step, before: &Made<'a>) -> Result<(), String> {
        let call = &step.call;
        if let Some(name) = call.uses() {
            before.is(name, if call.in_body() { &[Thing::Call] } else { &[Thing::Result, Thing::Call] })?;
        }
        if let Some(name) = call.owner() {
            self.is(name, &[Thing::Owner])?;
        }
        match call {
            Call::Next(watch, _) | Call::EndWatch(watch) => before.is(watch, &[Thing::Watch])?,
            Call::Cells(call, _) => {
                for used in call.uses() {
                    match used {
                        Used::Guard(name) => before.is(name, &[Thing::Result])?,
                        Used::Version(name) => before.is(name, &[Thing::Version, Thing::Entry, Thing::Call])?,
                        Used::Entry(name) => before.is(name, &[Thing::Entry])?,
                    }
                }
            }
            _ => {}
        }
        self.check_outcome(&step.expect)?;
        let made = match call {
            Call::Cells(CellCall::Get(_), Some(name)) | Call::Through(_, CellCall::Get(_), Some(name)) => {
                Some((name.as_str(), Thing::Entry))
            }
            Call::Cells(_, Some(name)) | Call::Through(_, _, Some(name)) => Some((name.as_str(), Thing::Version)),
            Call::Watch(_, name) => Some((name.as_str(), Thing::Watch)),
            call => match (call.makes(), call.makes_owner()) {
                (Some(name), _) if call.in_transactions() => Some((name, Thing::Call)),
                (Some(name), _) => Some((name, Thing::Result)),
                (None, owner) => owner.map(|name| (name, Thing::Owner)),
            },
        };
        match made {
            Some((name, thing)) if self.0.insert(name, thing).is_some() => {
                Err(format!("a step has made this already: name={name:?}"))
            }
            _ => Ok(()),
        }
    }

    /// Refuses what is expected of other results, if they or what they name were not made.
    pub(super) fn check_then(&self, then: &BTreeMap<String, Outcome>) -> Result<(), String> {
        then.keys().try_for_each(|name| self.is(name, &[Thing::Result, Thing::Call]))?;
        then.values().try_for_each(|outcome| self.check_outcome(outcome))
    }

    /// Refuses an outcome that names an owner or a version that no step has made.
    pub(super) fn check_outcome(&self, outcome: &Outcome) -> Result<(), String> {
        outcome.owners().into_iter().try_for_each(|name| self.is(name, &[Thing::Owner]))?;
        let versions = outcome.versions();
        versions.into_iter().try_for_each(|name| self.is(name, &[Thing::Version, Thing::Entry, Thing::Call]))
    }

    fn is(&self, name: &str, things: &[Thing]) -> Result<(), String> {
        match self.0.get(name) {
            Some(thing) if things.contains(thing) => Ok(()),
            Some(thing) => Err(format!("made, but as something else: name={name:?} as={thing:?}")),
            None => Err(format!("no step has made this: name={name:?}")),
        }
    }
}
