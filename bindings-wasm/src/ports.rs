//! The handles that JavaScript holds: one port each, by number.

use std::cell::RefCell;
use std::fmt;
use std::ops::Deref;
use std::rc::Rc;

use latchwork::{Builder, Error, Registry, Url};
use wasm_bindgen::prelude::wasm_bindgen;

use crate::clock::{self, HostClock};
use crate::entropy::Entropy;
use crate::numbered::Numbered;
use crate::payloads::Payload;
use crate::scratch::Lane;
use crate::{convert, error, scratch, settle, wire};

/// A value of a cell, as its codec wrote it.
pub(crate) type Value = Box<[u8]>;

type Port = latchwork::Port<Value>;

type Space = latchwork::Space<Value>;

/// A port with the number that JavaScript knows it by.
#[derive(Clone)]
pub(crate) struct Handle {
    pub(crate) number: u64,
    port: Rc<Port>,
}

impl Deref for Handle {
    type Target = Port;

    fn deref(&self) -> &Port {
        &self.port
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Handle").field(&self.number).finish()
    }
}

/// The named spaces of this page or worker.
static REGISTRY: Registry = Registry::new();

thread_local! {
    static HANDLES: RefCell<Numbered<Handle>> = const { RefCell::new(Numbered::new()) };
    /// What answers for handles that are closed: a port of a closed space.
    static CLOSED: Handle = {
        let space = Space::with_cells();
        space.close();
        Handle { number: 0, port: Rc::new(space.port(|| ())) }
    };
}

/// In: the address, or undefined, the name of the codec, and random bytes. Opens a space and answers its handle; 0 with
/// outcome `Failed`. `meta`: the number of a value, 0 for none. `wall_clock`: in milliseconds.
#[wasm_bindgen]
pub fn open(clock: f64, max_waiters: f64, max_waiters_per_key: f64, meta: f64, wall_clock: f64) -> f64 {
    let meta = Payload::numbered(meta);
    let texts = wire::read(|input| {
        let url = convert::text(input)?.map(str::to_owned);
        let codec = convert::text(input)?.map(str::to_owned);
        let random = wire::bytes(input)?.try_into().map_err(|_| wire::malformed())?;
        Ok((url, codec, Entropy { random, wall_clock }))
    });
    let mut settings = latchwork::Space::builder().cells();
    if max_waiters.is_finite() {
        settings = settings.max_waiters(max_waiters as usize);
    }
    if max_waiters_per_key.is_finite() {
        settings = settings.max_waiters_per_key(max_waiters_per_key as usize);
    }
    if let Some(meta) = meta {
        settings = settings.meta(meta);
    }
    let opened = texts.and_then(|(url, codec, entropy)| {
        space(url.as_deref(), clock, settings.codec(&codec.unwrap_or_default()), entropy)
    });
    match opened {
        Ok(space) => add(&space),
        Err(error) => {
            error::fail(error);
            0.0
        }
    }
}

/// The number of what its maker said about the space; 0 for nothing.
#[wasm_bindgen]
pub fn meta(handle: f64) -> f64 {
    let meta = find(handle as u64).space().meta();
    meta.and_then(|meta| meta.downcast_ref::<Payload>().map(Payload::number)).unwrap_or_default()
}

/// The space's epoch.
#[wasm_bindgen]
pub fn epoch(handle: f64) -> f64 {
    find(handle as u64).space().epoch() as f64
}

/// Closes the handle: its waits fail, its grants are released.
#[wasm_bindgen]
pub fn close(handle: f64) {
    let port = remove(handle);
    port.space().close();
    settle::report(&port);
}

/// The handle of this number; one of a closed space where it is not open.
pub(crate) fn find(number: u64) -> Handle {
    HANDLES.with_borrow_mut(|handles| handles.get(number as f64).cloned()).unwrap_or_else(closed)
}

/// The handle that the caller named in its lane.
pub(crate) fn named() -> Handle {
    find(scratch::get(Lane::Handle))
}

fn closed() -> Handle {
    CLOSED.with(Clone::clone)
}

fn space(url: Option<&str>, clock: f64, settings: Builder<Value>, entropy: Entropy) -> Result<Space, Error> {
    let url = Url::parse(url)?;
    let manual = match clock {
        0.0 => None,
        number => Some(clock::manual(number).ok_or_else(|| Error::invalid("clock", "no such clock"))?),
    };
    let settings = {
        let builder = settings.shards(1).seed(entropy.seed()).epoch(entropy.epoch());
        match manual {
            Some(clock) => builder.clock(clock),
            None => builder.clock(HostClock),
        }
    };
    Ok(match url {
        Url::Private => settings.build(),
        Url::Memory(name) => REGISTRY.open(name, settings)?,
        _ => return Err(Error::invalid("url", "has no engine in a browser yet")),
    })
}

fn add(space: &Space) -> f64 {
    HANDLES.with_borrow_mut(|handles| {
        let number = handles.next();
        let port = Rc::new(space.port(move || settle::wake(number)));
        handles.add(Handle { number, port })
    })
}

fn remove(number: f64) -> Handle {
    HANDLES.with_borrow_mut(|handles| handles.take(number)).unwrap_or_else(closed)
}
