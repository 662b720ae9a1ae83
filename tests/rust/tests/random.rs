//! Long random programs on many keys, compared with the model after every step.

use std::time::Duration;

use latchwork::{Key, Mode};
use latchwork_tests::host::{Futures, Host, Kind, Ports, Request, State};
use latchwork_tests::model::{Model, Stands};
use latchwork_tests::scenario::{FIRST_HANDLE, Handle, Limits};
use latchwork_tests::stage::Numbers;

const STEPS: usize = 300;
const PROGRAMS: u64 = 100;

/// A program on its way.
struct Program<H> {
    host: H,
    model: Model,
    numbers: Numbers,
    names: Vec<String>,
    keys: usize,
    trace: Vec<String>,
}

impl<H: Host> Program<H> {
    fn run(seed: u64, shards: usize) -> Result<(), String> {
        let mut numbers = Numbers::new(seed);
        // From one key that all want to many that few want at a time.
        let keys = [1, 3, 12, 60][numbers.below(4)];
        let host = H::open(&[Handle::first()], shards, Limits::default());
        let mut program =
            Program { host, model: Model::default(), numbers, names: Vec::new(), keys, trace: Vec::new() };
        let steps = (0..STEPS).try_for_each(|_| program.step()).and_then(|()| program.end());
        steps.map_err(|why| {
            let last: Vec<&str> = program.trace.iter().rev().take(30).rev().map(String::as_str).collect();
            format!("seed={seed} shards={shards} {}: … {}: {why}", H::NAME, last.join(" "))
        })
    }

    fn step(&mut self) -> Result<(), String> {
        match self.numbers.below(10) {
            0..4 => self.ask(),
            4..7 => self.release(),
            7 => self.cancel(),
            8 => {
                let by = Duration::from_millis(self.numbers.below(8) as u64);
                self.trace.push(format!("advance({by:?})"));
                self.model.advance(by);
                self.host.advance(by);
            }
            _ => {
                self.trace.push("look".into());
                self.host.settle();
            }
        }
        self.compare(self.trace.last().is_some_and(|step| step == "look"))
    }

    fn ask(&mut self) {
        let name = format!("r{}", self.names.len());
        let count = self.numbers.below(5).min(self.keys);
        let picked = self.numbers.pick(count, self.keys);
        let mut request = Request::default();
        for key in picked {
            let shared = self.numbers.below(3) == 0;
            if shared { &mut request.shared } else { &mut request.keys }.push(Key::from(key));
        }
        if self.numbers.below(4) == 0 {
            request.mode = Mode::Shared;
        }
        if self.numbers.below(3) == 0 {
            request.label = Some(name.clone());
        }
        let kind = if self.numbers.below(4) == 0 { Kind::Try } else { Kind::Lock };
        if kind == Kind::Lock && self.numbers.below(3) == 0 {
            request.timeout = Some(Duration::from_millis(self.numbers.below(20) as u64));
        }
        match kind {
            Kind::Try => self.model.attempt(&name, &request),
            _ => self.model.join(&name, &request),
        }
        self.trace.push(format!("{name}={kind:?}({request:?})"));
        let actor = ["A", "B", "C"][self.numbers.below(3)];
        self.host.start(FIRST_HANDLE, actor, kind, request, &name);
        self.names.push(name);
    }

    fn release(&mut self) {
        let held = |name: &&String| self.model.stands(name) == Some(Stands::Holding);
        let held: Vec<String> = self.names.iter().filter(held).cloned().collect();
        if held.is_empty() {
            return;
        }
        let name = held[self.numbers.below(held.len())].clone();
        // Only its caller can release it, who must have seen it.
        if self.host.state(&name).seen().is_none() {
            return;
        }
        self.trace.push(format!("release({name})"));
        self.model.release(&name);
        match self.numbers.below(2) {
            0 => self.host.dispose(&name),
            _ => self.host.release(&name, None).expect("held"),
        }
    }

    fn cancel(&mut self) {
        let names = self.names.len();
        let Some(name) = self.names.get(names.saturating_sub(1 + self.numbers.below(12))).cloned() else { return };
        if matches!(self.host.state(&name), State::Pending) {
            self.trace.push(format!("cancel({name})"));
            self.model.cancel(&name);
            self.host.cancel(&name);
        }
    }

    fn compare(&mut self, looked: bool) -> Result<(), String> {
        let query = self.host.query(FIRST_HANDLE, None).map_err(|error| error.to_string())?;
        self.model.agrees_with(&query)?;
        for name in &self.names {
            let (state, stands) = (self.host.state(name), self.model.stands(name));
            if !stands.is_some_and(|stands| stands.shows_as(&state, looked)) {
                return Err(format!("{name} is {state:?} where the model has {stands:?}"));
            }
        }
        Ok(())
    }

    /// Everyone lets go, oldest first: everybody is served, and nothing is left.
    fn end(&mut self) -> Result<(), String> {
        for name in self.names.clone() {
            self.host.settle();
            if self.host.state(&name).seen().is_some_and(|seen| seen.held) {
                self.model.release(&name);
                self.host.dispose(&name);
            }
        }
        self.host.settle();
        self.compare(true)?;
        let query = self.host.query(FIRST_HANDLE, None).map_err(|error| error.to_string())?;
        // The empty set stands in no queue, and the model keeps it out of its tables too.
        if query.held.is_empty() && query.pending.is_empty() { Ok(()) } else { Err(format!("left: {query:?}")) }
    }
}

fn programs<H: Host>() {
    for shards in [1, 4, 64] {
        for seed in 0..PROGRAMS {
            Program::<H>::run(seed, shards).unwrap_or_else(|why| panic!("{why}"));
        }
    }
}

#[test]
fn futures_do_what_the_model_does() {
    programs::<Futures>();
}

#[test]
fn ports_do_what_the_model_does() {
    programs::<Ports>();
}
