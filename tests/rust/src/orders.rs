//! Runs a file in every interleaving of its actors' steps, and compares the whole space with [`Model`] after each step.
//!
//! Two ways to run each interleaving: **eager**, where every result is seen by its caller after each step, and
//! **lazy**, where callers look only when nobody can go on otherwise, so that cancels and time-outs meet grants that
//! nobody has seen.

use std::collections::BTreeMap;

use crate::host::{Host, State};
use crate::model::{Model, Stands};
use crate::runner::{Run, request};
use crate::scenario::{Call, FIRST_HANDLE, Scenario, Step, Steps};

/// When callers look at what became of their calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Looking {
    /// After each step.
    Eager,
    /// When nobody can go on otherwise.
    Lazy,
}

/// Runs every interleaving. Answers how many there were.
///
/// # Errors
///
/// The first interleaving that went wrong, step by step, and what was wrong.
pub fn every_order<H: Host>(scenario: &Scenario, shards: usize, looking: Looking) -> Result<usize, String> {
    let programs = programs(scenario)?;
    let mut choices = Choices::default();
    let mut count = 0;
    loop {
        count += 1;
        let mut order = Order::<H>::new(scenario, &programs, shards);
        order.run(looking, &mut choices).map_err(|why| format!("{looking:?} {}: {why}", order.trace.join(" ")))?;
        if !choices.next() {
            return Ok(count);
        }
    }
}

/// The steps of each actor, in its own order. The clock is an actor.
type Programs<'a> = BTreeMap<&'a str, Vec<&'a Step>>;

fn programs(scenario: &Scenario) -> Result<Programs<'_>, String> {
    let mut programs = Programs::new();
    for steps in &scenario.steps {
        let Steps::One(step, _) = steps else { return Err("a turn has no orders".into()) };
        if !has_orders(&step.call) {
            return Err(format!("{} has no orders", step.call.op()));
        }
        programs.entry(step.actor.as_deref().unwrap_or("the clock")).or_default().push(step);
    }
    Ok(programs)
}

/// Whether the model knows a call: the others are searched where the machine is.
fn has_orders(call: &Call) -> bool {
    match call {
        Call::Lock(asked, _) | Call::TryLock(asked, _) => asked.owner.is_none() && asked.max_hold.is_none(),
        Call::Release(_, keys) => keys.is_none(),
        Call::Drop(_) | Call::Cancel(_) | Call::Query(_) | Call::Advance(_) => true,
        _ => false,
    }
}

/// The decisions of one run, so that the next run can take the next ones.
#[derive(Debug, Default)]
struct Choices {
    taken: Vec<(usize, usize)>,
    at: usize,
}

impl Choices {
    fn choose(&mut self, among: usize) -> usize {
        if self.at == self.taken.len() {
            self.taken.push((0, among));
        }
        self.at += 1;
        self.taken[self.at - 1].0
    }

    /// Moves on to the next run. Answers whether there is one.
    fn next(&mut self) -> bool {
        self.at = 0;
        while let Some((chosen, among)) = self.taken.pop() {
            if chosen + 1 < among {
                self.taken.push((chosen + 1, among));
                return true;
            }
        }
        false
    }
}

/// One interleaving on its way.
struct Order<'a, H> {
    run: Run<'a, H>,
    model: Model,
    left: BTreeMap<&'a str, std::slice::Iter<'a, &'a Step>>,
    trace: Vec<String>,
}

impl<'a, H: Host> Order<'a, H> {
    fn new(scenario: &'a Scenario, programs: &'a Programs<'a>, shards: usize) -> Order<'a, H> {
        let left = programs.iter().map(|(actor, steps)| (*actor, steps.iter())).collect();
        Order { run: Run::new(scenario, shards), model: Model::default(), left, trace: Vec::new() }
    }

    fn run(&mut self, looking: Looking, choices: &mut Choices) -> Result<(), String> {
        let mut looked = false;
        while self.left.values().any(|steps| steps.len() > 0) {
            let ready = self.ready();
            if ready.is_empty() {
                if looked && !self.dispose_of_one() {
                    return Err("nobody can go on".into());
                }
                self.look();
                looked = true;
                self.compare()?;
                continue;
            }
            looked = false;
            let actor = ready[choices.choose(ready.len())];
            if let Some(step) = self.left.get_mut(actor).and_then(Iterator::next) {
                self.step(step)?;
            }
            if looking == Looking::Eager {
                self.look();
            }
            self.compare()?;
        }
        self.look();
        self.compare()?;
        self.run.clean_up()
    }

    /// Who has a step that can be made: one that names a result waits until that is settled.
    fn ready(&mut self) -> Vec<&'a str> {
        let next: Vec<_> =
            self.left.iter().filter_map(|(actor, steps)| Some((*actor, *steps.as_slice().first()?))).collect();
        let ready = next.into_iter().filter(|(_, step)| match (&step.call, step.call.uses()) {
            (Call::Cancel(name), _) => self.model.stands(name).is_some(),
            (_, Some(name)) => self.model.stands(name).is_some() && !matches!(self.run.state(name), State::Pending),
            (_, None) => true,
        });
        ready.map(|(actor, _)| actor).collect()
    }

    fn step(&mut self, step: &'a Step) -> Result<(), String> {
        let name = step.call.uses().unwrap_or_default();
        let state = self.run.state(name);
        match &step.call {
            Call::Lock(asked, name) => self.model.join(name, &request(asked).map_err(|error| error.to_string())?),
            Call::TryLock(asked, name) => self.model.attempt(name, &request(asked).map_err(|error| error.to_string())?),
            Call::Release(name, None) | Call::Drop(name) => {
                if state.seen().is_none() || !self.model.release(name) {
                    return Ok(());
                }
            }
            // Too late to give up: who has seen its guard disposes of it instead.
            Call::Cancel(name) if state.seen().is_some() => {
                self.model.release(name);
                self.trace.push(format!("drop({name})"));
                self.run.host.dispose(name);
                return Ok(());
            }
            Call::Cancel(name) => self.model.cancel(name),
            Call::Advance(by) => self.model.advance(*by),
            Call::Query(_) => return Ok(()),
            _ => return Err("not in orders".into()),
        }
        self.trace.push(format!("{}({})", step.call.op(), step.call.makes().unwrap_or(name)));
        self.run.call(step);
        Ok(())
    }

    /// Disposes of a guard that the file never releases: in the written order its request came to nothing. Answers
    /// whether there was one.
    fn dispose_of_one(&mut self) -> bool {
        let steps = self.run.scenario().steps.iter().flat_map(Steps::all);
        let used: Vec<&str> = steps.filter_map(|step| step.call.uses()).collect();
        let mut names = self.names().into_iter();
        let Some(name) =
            names.find(|name| self.model.stands(name) == Some(Stands::Holding) && !used.contains(&&**name))
        else {
            return false;
        };
        self.trace.push(format!("drop({name})"));
        self.model.release(&name);
        self.run.host.dispose(&name);
        true
    }

    fn look(&mut self) {
        self.run.host.settle();
        self.trace.push("look".into());
    }

    fn compare(&mut self) -> Result<(), String> {
        let query = self.run.host.query(FIRST_HANDLE, None).map_err(|error| error.to_string())?;
        self.model.agrees_with(&query)?;
        let looked = self.trace.last().is_some_and(|last| last == "look");
        for name in self.names() {
            let (state, stands) = (self.run.state(&name), self.model.stands(&name));
            if !stands.is_some_and(|stands| stands.shows_as(&state, looked)) {
                return Err(format!("{name} is {state:?} where the model has {stands:?}"));
            }
        }
        Ok(())
    }

    fn names(&self) -> Vec<String> {
        let steps = self.run.scenario().steps.iter().flat_map(Steps::all);
        let made = steps.filter_map(|step| step.call.makes());
        made.filter(|name| self.model.stands(name).is_some()).map(str::to_owned).collect()
    }
}
