//! The steps of a file: one public call each.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;
use serde::de::{DeserializeOwned, Deserializer, Error as _};
use serde_json::{Map, Value};

use super::{CellCall, Outcome, Spelling, WatchedIs};

/// One step, or several in one turn.
#[derive(Clone, Debug)]
pub enum Steps {
    /// One call, and what it brings about.
    One(Box<Step>, Then),
    /// Several calls with nothing between them, and what they bring about together.
    Turn(Vec<Step>, Then),
}

/// What results are to be after a step.
type Then = BTreeMap<String, Outcome>;

/// One call.
#[derive(Clone, Debug)]
pub struct Step {
    /// Who calls; nobody moves the clock.
    pub actor: Option<String>,
    /// What is called.
    pub call: Call,
    /// What the call is to come to.
    pub expect: Outcome,
}

/// What is called.
#[derive(Clone, Debug)]
pub enum Call {
    /// `lock`.
    Lock(Asked, String),
    /// `tryLock`.
    TryLock(Asked, String),
    /// `withLock`; its body waits for [`Call::End`].
    WithLock(Asked, String),
    /// Lets the body of a `withLock` end.
    End(String, Ending),
    /// An explicit release of a guard, or of some of its keys.
    Release(String, Option<Vec<Spelling>>),
    /// Makes a guard, or some of its keys, shared.
    Downgrade(String, Option<Vec<Spelling>>),
    /// Disposal of a guard.
    Drop(String),
    /// Gives a call up.
    Cancel(String),
    /// Makes an owner, or asks a running `withLock` for its own.
    Owner(OwnerOf, String),
    /// Ends an owner.
    CloseOwner(String),
    /// Hands a guard over.
    HandOver(HandOver),
    /// Waits for the next guard that is handed over to an owner.
    HandedOver(String, String),
    /// Takes keys away from who holds them.
    Revoke(Vec<Spelling>),
    /// `query`, of all keys or of some.
    Query(Option<Vec<Spelling>>),
    /// `close` on the actor's handle.
    Close,
    /// Moves the clock, then ticks.
    Advance(Duration),
    /// A call on cells; its version may be named.
    Cells(CellCall, Option<String>),
    /// Makes a watch.
    Watch(WatchedIs, String),
    /// The next item of a watch.
    Next(String, String),
    /// Ends a watch.
    EndWatch(String),
    /// `update`; its function waits for [`Call::End`].
    Update(Spelling, Option<Option<Duration>>, CallAsked, String),
    /// `transact`; its body waits for [`Call::End`].
    Transact(CallAsked, String),
    /// `transact` through the handle of a running body.
    Savepoint(String, String),
    /// A call on cells through the handle of a running body.
    Through(String, CellCall, Option<String>),
    /// `abort`, with its reason.
    Abort(String, Option<String>),
    /// `retry`.
    Retry(String),
    /// `onCommit`, with what its callback appends.
    OnCommit(String, Value),
}

/// What a call that runs a body asks for.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CallAsked {
    /// The guard that must be held.
    pub guard: Option<String>,
    /// The keys that it must hold.
    pub guard_keys: Option<Vec<Spelling>>,
    /// The name of its owner.
    pub owner: Option<String>,
    /// The label.
    pub label: Option<String>,
    /// How often the body may run.
    pub attempts: Option<u32>,
    /// The time-out in ms.
    pub timeout: Option<f64>,
}

/// What a request asks for.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Asked {
    /// The keys, in `mode`.
    pub keys: Vec<Spelling>,
    /// Further keys in shared mode.
    #[serde(default)]
    pub shared: Vec<Spelling>,
    /// The mode of `keys`.
    #[serde(default)]
    pub mode: LockMode,
    /// The time-out in ms.
    pub timeout: Option<f64>,
    /// The label.
    pub label: Option<String>,
    /// The name of its owner.
    pub owner: Option<String>,
    /// The longest time that it may hold, in ms.
    #[serde(rename = "maxHold")]
    pub max_hold: Option<f64>,
}

/// Which owner.
#[derive(Clone, Debug)]
pub enum OwnerOf {
    /// A new one, perhaps with a label.
    New(Option<String>),
    /// That of a running `withLock`.
    Scope(String),
}

/// A hand-over.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HandOver {
    /// The guard.
    pub guard: String,
    /// The new owner.
    pub to: String,
    /// How the new owner is named, if not by itself.
    pub by: Option<By>,
    /// What is sent along.
    #[serde(default, deserialize_with = "super::outcome::given")]
    pub payload: Option<Value>,
}

/// How an owner is named, if not by itself.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum By {
    /// By its id.
    Id,
}

/// A lock mode as files spell it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LockMode {
    /// Alone.
    #[default]
    Exclusive,
    /// With other shared ones.
    Shared,
}

/// How a body ends.
#[derive(Clone, Debug, PartialEq)]
pub enum Ending {
    /// With a value.
    Return(Value),
    /// With an error of its own.
    Throw(String),
    /// As an update: nothing is written.
    Keep,
    /// As an update: the cell is deleted.
    Delete,
}

impl Steps {
    /// The calls, in order.
    pub fn all(&self) -> &[Step] {
        match self {
            Steps::One(step, _) => std::slice::from_ref(step),
            Steps::Turn(steps, _) => steps,
        }
    }

    /// What other results are to be afterwards.
    pub fn then(&self) -> &BTreeMap<String, Outcome> {
        match self {
            Steps::One(_, then) | Steps::Turn(_, then) => then,
        }
    }
}

impl Call {
    /// The operation's name in files.
    pub fn op(&self) -> &'static str {
        match self {
            Call::Lock(..) => "lock",
            Call::TryLock(..) => "tryLock",
            Call::WithLock(..) => "withLock",
            Call::End(..) => "end",
            Call::Release(..) => "release",
            Call::Downgrade(..) => "downgrade",
            Call::Owner(..) => "owner",
            Call::CloseOwner(_) => "closeOwner",
            Call::HandOver(_) => "handOver",
            Call::HandedOver(..) => "handedOver",
            Call::Revoke(_) => "revoke",
            Call::Drop(_) => "drop",
            Call::Cancel(_) => "cancel",
            Call::Query(_) => "query",
            Call::Close => "close",
            Call::Advance(_) => "advance",
            Call::Cells(call, _) => call.op(),
            Call::Watch(..) => "watch",
            Call::Next(..) => "next",
            Call::EndWatch(_) => "endWatch",
            Call::Update(..) => "update",
            Call::Transact(..) | Call::Savepoint(..) => "transact",
            Call::Through(_, call, _) => call.op(),
            Call::Abort(..) => "abort",
            Call::Retry(_) => "retry",
            Call::OnCommit(..) => "onCommit",
        }
    }

    /// The result that it makes.
    pub fn makes(&self) -> Option<&str> {
        match self {
            Call::Lock(_, name) | Call::TryLock(_, name) | Call::WithLock(_, name) => Some(name),
            Call::HandedOver(_, name) | Call::Next(_, name) => Some(name),
            Call::Update(.., name) | Call::Transact(_, name) | Call::Savepoint(_, name) => Some(name),
            _ => None,
        }
    }

    /// Whether it is about cells.
    pub fn on_cells(&self) -> bool {
        let plain = matches!(self, Call::Cells(..) | Call::Watch(..) | Call::Next(..) | Call::EndWatch(_));
        plain || self.in_transactions()
    }

    /// Whether it is about updates and transactions.
    pub fn in_transactions(&self) -> bool {
        matches!(self, Call::Update(..) | Call::Transact(..)) || self.in_body()
    }

    /// Whether it is made in a body that runs, through its handle.
    pub fn in_body(&self) -> bool {
        let marks = matches!(self, Call::Abort(..) | Call::Retry(_) | Call::OnCommit(..));
        marks || matches!(self, Call::Savepoint(..) | Call::Through(..))
    }

    /// The owner that it makes.
    pub fn makes_owner(&self) -> Option<&str> {
        match self {
            Call::Owner(_, name) => Some(name),
            _ => None,
        }
    }

    /// The owner that it names.
    pub fn owner(&self) -> Option<&str> {
        match self {
            Call::Lock(asked, _) | Call::TryLock(asked, _) | Call::WithLock(asked, _) => asked.owner.as_deref(),
            Call::CloseOwner(owner) | Call::HandedOver(owner, _) => Some(owner),
            Call::HandOver(hand_over) => Some(&hand_over.to),
            Call::Update(.., asked, _) | Call::Transact(asked, _) => asked.owner.as_deref(),
            _ => None,
        }
    }

    /// The result that it names.
    pub fn uses(&self) -> Option<&str> {
        match self {
            Call::End(name, _) | Call::Release(name, _) | Call::Downgrade(name, _) => Some(name),
            Call::Drop(name) | Call::Cancel(name) | Call::Owner(OwnerOf::Scope(name), _) => Some(name),
            Call::HandOver(hand_over) => Some(&hand_over.guard),
            Call::Update(.., asked, _) | Call::Transact(asked, _) => asked.guard.as_deref(),
            Call::Savepoint(tx, _) | Call::Through(tx, ..) | Call::Abort(tx, _) => Some(tx),
            Call::Retry(tx) | Call::OnCommit(tx, _) => Some(tx),
            _ => None,
        }
    }

    /// Whether it may stand in a turn.
    fn in_turn(&self) -> bool {
        let settles = matches!(self, Call::Lock(..) | Call::WithLock(..) | Call::End(..) | Call::Owner(..));
        let waits = matches!(self, Call::HandedOver(..) | Call::Watch(..) | Call::Next(..) | Call::EndWatch(_));
        !(settles || waits || self.in_transactions())
    }
}

impl<'de> Deserialize<'de> for Steps {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Steps, D::Error> {
        parse_steps(Map::deserialize(from)?).map_err(D::Error::custom)
    }
}

type Fields = Map<String, Value>;

fn parse_steps(mut fields: Fields) -> Result<Steps, String> {
    let then = take(&mut fields, "then")?.unwrap_or_default();
    let Some(turn) = take::<Vec<Fields>>(&mut fields, "turn")? else {
        return Ok(Steps::One(Box::new(parse_step(fields)?), then));
    };
    nothing_left(&fields)?;
    let steps: Vec<Step> = turn.into_iter().map(parse_step).collect::<Result<_, _>>()?;
    match steps.iter().find(|step| !step.call.in_turn()) {
        Some(step) => Err(format!("not in a turn: {}", step.call.op())),
        None if steps.is_empty() => Err("an empty turn".into()),
        None => Ok(Steps::Turn(steps, then)),
    }
}

fn parse_step(mut fields: Fields) -> Result<Step, String> {
    let actor: Option<String> = take(&mut fields, "actor")?;
    let op: String = need(&mut fields, "op")?;
    let args = take(&mut fields, "args")?.unwrap_or_default();
    let name: Option<String> = take(&mut fields, "as")?;
    let expect: Option<Outcome> = take(&mut fields, "expect")?;
    nothing_left(&fields)?;
    let makes = matches!(op.as_str(), "lock" | "tryLock" | "withLock" | "handedOver" | "next" | "update" | "transact");
    let must_name = makes || matches!(op.as_str(), "owner" | "watch");
    if must_name != name.is_some() && !CellCall::makes_version(&op) {
        return Err(format!("{op}: as is for calls that make a result, and only for them"));
    }
    if (op == "advance") == actor.is_some() {
        return Err(format!("{op}: every step but advance has an actor"));
    }
    if expect.is_some() && matches!(op.as_str(), "owner" | "watch") {
        return Err(format!("{op}: has no outcome"));
    }
    let call = parse_call(&op, args, name)?;
    let answers = matches!(call, Call::Query(_) | Call::CloseOwner(_) | Call::HandOver(_) | Call::Revoke(_));
    if expect.is_none() && (makes || answers || matches!(call, Call::Cells(..) | Call::Through(..))) {
        return Err(format!("{op}: needs expect"));
    }
    Ok(Step { actor, call, expect: expect.unwrap_or(Outcome::Ok) })
}

fn parse_call(op: &str, mut args: Fields, name: Option<String>) -> Result<Call, String> {
    let tx: Option<String> = if op == "handOver" { None } else { take(&mut args, "tx")? };
    if let Some(call) = CellCall::parse(op, &mut args)? {
        nothing_left(&args)?;
        return match tx {
            None => Ok(Call::Cells(call, name)),
            Some(_) if name.is_some() && op != "get" => Err(format!("{op}: makes no version before its commit")),
            Some(tx) => call.through().map(|call| Call::Through(tx, call, name)),
        };
    }
    let name = name.unwrap_or_default();
    if let Some(tx) = tx {
        let call = match op {
            "transact" => Call::Savepoint(tx, name),
            "abort" => Call::Abort(tx, take(&mut args, "reason")?),
            "retry" => Call::Retry(tx),
            "onCommit" => Call::OnCommit(tx, args.remove("value").ok_or("onCommit: no value")?),
            _ => return Err(format!("{op}: not through the handle of a body")),
        };
        nothing_left(&args)?;
        return Ok(call);
    }
    let call = match op {
        "lock" => Call::Lock(asked(std::mem::take(&mut args))?, name),
        "withLock" => Call::WithLock(asked(std::mem::take(&mut args))?, name),
        "tryLock" => {
            let asked = asked(std::mem::take(&mut args))?;
            if asked.timeout.is_some() || asked.max_hold.is_some() {
                return Err("tryLock has no times".into());
            }
            Call::TryLock(asked, name)
        }
        "end" => {
            let answer: Option<String> = take(&mut args, "answer")?;
            let ending = match (args.remove("return"), take(&mut args, "throw")?, answer.as_deref()) {
                (Some(value), None, None) => Ending::Return(value),
                (None, Some(message), None) => Ending::Throw(message),
                (None, None, Some("keep")) => Ending::Keep,
                (None, None, Some("delete")) => Ending::Delete,
                _ => return Err("end returns, throws or answers".into()),
            };
            Call::End(need(&mut args, "result")?, ending)
        }
        "release" => Call::Release(need(&mut args, "guard")?, take(&mut args, "keys")?),
        "downgrade" => Call::Downgrade(need(&mut args, "guard")?, take(&mut args, "keys")?),
        "owner" => {
            let of = match (take(&mut args, "label")?, take(&mut args, "guard")?) {
                (Some(_), Some(_)) => return Err("an owner is new or that of a scope".into()),
                (_, Some(guard)) => OwnerOf::Scope(guard),
                (label, None) => OwnerOf::New(label),
            };
            Call::Owner(of, name)
        }
        "closeOwner" => Call::CloseOwner(need(&mut args, "owner")?),
        "handOver" => {
            let hand_over = serde_json::from_value(Value::Object(std::mem::take(&mut args)));
            Call::HandOver(hand_over.map_err(|error| error.to_string())?)
        }
        "handedOver" => Call::HandedOver(need(&mut args, "owner")?, name),
        "revoke" => Call::Revoke(need(&mut args, "keys")?),
        "drop" => Call::Drop(need(&mut args, "guard")?),
        "cancel" => Call::Cancel(need(&mut args, "result")?),
        "query" => Call::Query(take(&mut args, "keys")?),
        "close" => Call::Close,
        "watch" => Call::Watch(WatchedIs::parse(&mut args)?, name),
        "next" => Call::Next(need(&mut args, "watch")?, name),
        "endWatch" => Call::EndWatch(need(&mut args, "watch")?),
        "update" => {
            let (key, expire_in) = (need(&mut args, "key")?, super::cells::expiry(&mut args)?);
            Call::Update(key, expire_in, call_asked(std::mem::take(&mut args))?, name)
        }
        "transact" => Call::Transact(call_asked(std::mem::take(&mut args))?, name),
        "advance" => Call::Advance(Duration::from_millis(need(&mut args, "ms")?)),
        _ => return Err(format!("unknown operation: {op}")),
    };
    nothing_left(&args)?;
    Ok(call)
}

fn asked(args: Fields) -> Result<Asked, String> {
    serde_json::from_value(Value::Object(args)).map_err(|error| error.to_string())
}

fn call_asked(args: Fields) -> Result<CallAsked, String> {
    let asked: CallAsked = serde_json::from_value(Value::Object(args)).map_err(|error| error.to_string())?;
    match (&asked.guard, &asked.guard_keys) {
        (None, Some(_)) => Err("guardKeys are those of a guard".into()),
        _ => Ok(asked),
    }
}

pub(super) fn need<T: DeserializeOwned>(fields: &mut Fields, name: &str) -> Result<T, String> {
    take(fields, name)?.ok_or_else(|| format!("missing field: {name}"))
}

pub(super) fn take<T: DeserializeOwned>(fields: &mut Fields, name: &str) -> Result<Option<T>, String> {
    let Some(value) = fields.remove(name) else { return Ok(None) };
    serde_json::from_value(value).map(Some).map_err(|error| format!("{name}: {error}"))
}

pub(super) fn nothing_left(fields: &Fields) -> Result<(), String> {
    match fields.keys().next() {
        Some(name) => Err(format!("unknown field: {name}")),
        None => Ok(()),
    }
}
