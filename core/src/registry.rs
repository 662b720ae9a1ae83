//! Spaces by name, and the addresses under which they are opened.

use crate::key::Quoted;
use crate::shared::{HostOptions, Names};
use crate::{Builder, Clock, Error, Space};

/// The named spaces of a process: one space per name, each opening another handle.
///
/// A binding keeps one in a `static`. A named space ends when its last handle is closed; opening the name again then
/// makes a new one.
///
/// # Examples
///
/// ```
/// use latchwork::{Registry, Space};
///
/// static SPACES: Registry = Registry::new();
///
/// # futures::executor::block_on(async {
/// let here = SPACES.open("orders", Space::builder())?;
/// let there = SPACES.open("orders", Space::builder())?;
/// let _guard = here.lock(7).await?;
/// assert!(there.try_lock(7).await?.is_none());
/// # Ok::<_, latchwork::Error>(()) }).unwrap();
/// ```
#[derive(Debug, Default)]
pub struct Registry(Names);

impl Registry {
    /// A registry without spaces.
    pub const fn new() -> Registry {
        Registry(Names::new())
    }

    /// A handle on the space called `name`, which is made with these settings if it has to be.
    ///
    /// # Errors
    ///
    /// [`Invalid`](crate::ErrorKind::Invalid) when it was made with another clock, other limits, another codec, other
    /// options of the host, or cells of another type.
    /// Shards, seed, epoch and meta are those of whoever made it.
    pub fn open<V: Send + Sync + 'static>(&self, name: &str, settings: Builder<V>) -> Result<Space<V>, Error> {
        let (clock, limits) = (settings.clock_identity(), settings.limits());
        let host_options = settings.host_options().clone();
        let mut made = None;
        let mut settings = Some(settings);
        loop {
            let found = self.0.find(name);
            // None: there is no such space, or its last handle is closed and it has ended.
            if let Some(shared) = found.as_ref().filter(|shared| !shared.has_ended()) {
                if shared.cells::<V>().is_none() {
                    return Err(Error::invalid("cells", "the space of this name is open with values of another type"));
                }
                if let Some(space) = Space::another(shared.clone()) {
                    return agrees(space, clock, limits, &host_options);
                }
            }
            made = made.or_else(|| settings.take().map(Builder::build));
            // If somebody else made one meanwhile, theirs is found in the next round, and ours is dropped.
            if let Some(space) = made.take_if(|made| self.0.replace(name, found.as_ref(), &made.engine().shared)) {
                return Ok(space);
            }
        }
    }
}

/// Lets go of a space that was made with another clock, other limits or other options of the host (clause B6).
fn agrees<V: Send + Sync + 'static>(
    space: Space<V>,
    clock: Option<usize>,
    limits: (Option<usize>, Option<usize>),
    host_options: &HostOptions,
) -> Result<Space<V>, Error> {
    let shared = &space.engine().shared;
    if shared.clock().map(Clock::identity) != clock {
        return Err(Error::invalid("clock", "the space of this name is open with another clock"));
    }
    let known = shared.limits();
    if (known.waiters, known.per_key) != limits {
        let what = if known.waiters == limits.0 { "max_waiters_per_key" } else { "max_waiters" };
        let open = if what == "max_waiters" { known.waiters } else { known.per_key };
        let open = open.map_or_else(|| "none".to_owned(), |limit| limit.to_string());
        return Err(Error::invalid(what, format!("the space of this name is open with another limit: open={open}")));
    }
    let known = shared.host_options();
    let differs = known.keys().chain(host_options.keys()).find(|&name| known.get(name) != host_options.get(name));
    if let Some(&name) = differs {
        let open = known.get(name).map_or("none", |value| &**value);
        return Err(Error::invalid(name, format!("the space of this name is open otherwise: open={open}")));
    }
    Ok(space)
}

/// What the address of a space says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Url<'a> {
    /// No address: a space of its own, in memory.
    Private,
    /// `memory:NAME`: one space per process and name.
    Memory(&'a str),
}

impl<'a> Url<'a> {
    /// Reads an address.
    ///
    /// # Errors
    ///
    /// [`Invalid`](crate::ErrorKind::Invalid) when there is no such kind of space, or the name is empty.
    pub fn parse(url: Option<&'a str>) -> Result<Url<'a>, Error> {
        let Some(url) = url else {
            return Ok(Url::Private);
        };
        match url.strip_prefix("memory:") {
            Some("") => Err(Error::invalid("url", "the name after \"memory:\" is empty")),
            Some(name) => Ok(Url::Memory(name)),
            None => {
                // Not all of it, since nobody knows what it is.
                let shown: String = url.chars().take(SHOWN).collect();
                let more = if shown.len() < url.len() { "…" } else { "" };
                Err(Error::invalid("url", format!("is not \"memory:NAME\": url={}{more}", Quoted(&shown))))
            }
        }
    }
}

/// So many characters of an address that is none are repeated in the error.
const SHOWN: usize = 100;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ManualClock;

    #[test]
    fn an_error_does_not_repeat_a_huge_address() {
        let why = |url: &str| Url::parse(Some(url)).expect_err("no address").to_string();
        assert!(why("disk:a").contains("url=\"disk:a\"") && !why("disk:a").contains('…'));
        let huge = why(&"é".repeat(1 << 20));
        assert!(huge.len() < 400 && huge.contains('…'), "{} bytes", huge.len());
    }

    #[test]
    fn a_name_is_one_space_until_its_last_handle_is_closed() {
        let spaces = Registry::new();
        let open = |name, epoch| spaces.open(name, Space::builder().epoch(epoch)).expect("the same settings");
        let (first, second, other) = (open("a", 1), open("a", 2), open("b", 3));
        assert_eq!((first.epoch(), second.epoch(), other.epoch()), (1, 1, 3));
        first.close();
        assert!(!second.is_closed());
        assert_eq!(open("a", 4).epoch(), 1);
        second.close();
        // The handle opened in between was dropped without being closed: dropping ends it too.
        assert_eq!(open("a", 5).epoch(), 5);
    }

    #[test]
    fn openings_of_a_name_agree_on_the_clock() {
        let spaces = Registry::new();
        let clock = ManualClock::new();
        let with = |clock: &ManualClock| Space::builder().clock(clock.clone());
        let first = spaces.open("a", with(&clock)).expect("it is new");
        assert!(spaces.open("a", with(&clock)).is_ok());
        for other in [Space::builder(), with(&ManualClock::new())] {
            assert_eq!(spaces.open("a", other).expect_err("another clock").what(), Some("clock"));
        }
        first.close();
    }

    #[test]
    fn openings_of_a_name_agree_on_the_codec() {
        let spaces = Registry::new();
        let with = |codec| Space::builder().cells::<Vec<u8>>().codec(codec);
        let first = spaces.open("a", with("cbor")).expect("it is new");
        assert!(spaces.open("a", with("cbor")).is_ok());
        for other in [with("json"), Space::builder().cells()] {
            assert_eq!(spaces.open("a", other).expect_err("another codec").what(), Some("codec"));
        }
        first.close();
    }

    #[test]
    fn openings_of_a_name_agree_on_the_options_of_a_host() {
        let spaces = Registry::new();
        let with = |name, value: &str| Space::builder().host_option(name, value);
        let first = spaces.open("a", with("scope", "on")).expect("it is new");
        assert!(spaces.open("a", with("scope", "off").host_option("scope", "on")).is_ok());
        for other in [Space::builder(), with("scope", "off"), with("scope", "on").host_option("another", "")] {
            let what = if other.host_options().contains_key("another") { "another" } else { "scope" };
            assert_eq!(spaces.open("a", other).expect_err("another value").what(), Some(what));
        }
        first.close();
        assert!(spaces.open("a", with("scope", "off")).is_ok());
    }

    #[test]
    fn an_address_is_read_or_refused() {
        assert_eq!(Url::parse(None).expect("private"), Url::Private);
        assert_eq!(Url::parse(Some("memory:orders")).expect("named"), Url::Memory("orders"));
        for bad in ["", "memory:", "memory", "orders", "MEMORY:orders", "file:x"] {
            let error = Url::parse(Some(bad)).expect_err(bad);
            assert_eq!(error.what(), Some("url"), "{bad:?}");
        }
    }
}
