//! What is held and what waits, as `query` answers it.

use std::fmt;
use std::time::Duration;

use crate::key::Quoted;
use crate::sync::Arc;
use crate::{Key, OwnerName};

/// What is held and what waits, at one instant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Query {
    /// The locks that are held, in key order of their first keys.
    pub held: Vec<Hold>,
    /// The requests that wait. Those that share a key are in the order in which they will be granted.
    pub pending: Vec<Wait>,
}

/// A lock that is held.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Hold {
    /// The keys held exclusively, in key order.
    pub keys: Vec<Key>,
    /// The keys held in shared mode, in key order.
    pub shared: Vec<Key>,
    /// The fencing token.
    pub token: u64,
    /// The owner of the request, if it has one.
    pub owner: Option<OwnerName>,
    /// The label that the request gave itself.
    pub label: Option<Arc<str>>,
    /// How long others have waited for it; `None` while nobody does, or where the space has no clock.
    pub age: Option<Duration>,
    /// Whether the caller has seen the grant. One that stays unclaimed is a future or task that is not polled.
    pub claimed: bool,
}

/// A request that waits.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Wait {
    /// The keys asked for exclusively, in key order.
    pub keys: Vec<Key>,
    /// The keys asked for in shared mode, in key order.
    pub shared: Vec<Key>,
    /// The owner of the request, if it has one.
    pub owner: Option<OwnerName>,
    /// The label that the request gave itself.
    pub label: Option<Arc<str>>,
    /// How long it has waited; `None` where the space has no clock.
    pub age: Option<Duration>,
    /// Its place in the longest of its queues: 1 is the next in line.
    pub position: usize,
    /// Who stands in its way, at most sixteen for each key.
    pub blocked_by: Vec<Blocker>,
}

/// A request or a holder that stands in the way of another on one key.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Blocker {
    /// The key on which it stands in the way.
    pub key: Key,
    /// Its owner, if it has one.
    pub owner: Option<OwnerName>,
    /// The label that it gave itself.
    pub label: Option<Arc<str>>,
    /// Its fencing token when it holds the key; `None` when it waits itself and came first.
    pub token: Option<u64>,
}

/// For a log, when something hangs: a line for each lock that is held and for each request that waits, with whom it waits
/// for. Times are in seconds.
impl fmt::Display for Query {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.held.is_empty() && self.pending.is_empty() {
            return f.write_str("nothing is held, nothing waits");
        }
        let lines = self.held.iter().map(|hold| hold as &dyn fmt::Display);
        let lines = lines.chain(self.pending.iter().map(|wait| wait as &dyn fmt::Display));
        for (at, line) in lines.enumerate() {
            if at > 0 {
                f.write_str("\n")?;
            }
            line.fmt(f)?;
        }
        Ok(())
    }
}

impl fmt::Display for Hold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("held     ")?;
        write_request(f, &self.keys, &self.shared, self.owner.as_ref(), self.label.as_deref())?;
        write!(f, ", token {}", self.token)?;
        if let Some(age) = self.age {
            write!(f, ", waited for since {:.3} s", age.as_secs_f64())?;
        }
        if !self.claimed {
            f.write_str(", not seen by its caller yet")?;
        }
        Ok(())
    }
}

impl fmt::Display for Wait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("waiting  ")?;
        write_request(f, &self.keys, &self.shared, self.owner.as_ref(), self.label.as_deref())?;
        write!(f, ", place {}", self.position)?;
        if let Some(age) = self.age {
            write!(f, ", since {:.3} s", age.as_secs_f64())?;
        }
        for (at, blocker) in self.blocked_by.iter().enumerate() {
            write!(f, "{}{blocker}", if at == 0 { ", behind: " } else { "; " })?;
        }
        Ok(())
    }
}

/// Which keys, for whom.
fn write_request(
    f: &mut fmt::Formatter<'_>,
    keys: &[Key],
    shared: &[Key],
    owner: Option<&OwnerName>,
    label: Option<&str>,
) -> fmt::Result {
    let mut between = "";
    for (key, mode) in keys.iter().map(|key| (key, "")).chain(shared.iter().map(|key| (key, " shared"))) {
        write!(f, "{between}{key}{mode}")?;
        between = " + ";
    }
    if between.is_empty() {
        f.write_str("no keys")?;
    }
    if let Some(label) = label {
        write!(f, " for {}", Quoted(label))?;
    }
    if let Some(owner) = owner {
        write!(f, " of owner {owner}")?;
    }
    Ok(())
}

impl fmt::Display for Blocker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.label.as_ref().map(|label| Quoted(label).to_string());
        let name = name.or_else(|| self.owner.as_ref().map(|owner| format!("owner {owner}")));
        match (name, self.token) {
            (Some(name), Some(_)) => write!(f, "{} held by {name}", self.key),
            (None, Some(token)) => write!(f, "{} held with token {token}", self.key),
            (Some(name), None) => write!(f, "{} reserved for {name}", self.key),
            (None, None) => write!(f, "{} reserved for an earlier request", self.key),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::pin::Pin;
    use std::task::{Context, Waker};
    use std::time::Duration;

    use futures::executor::block_on;

    use crate::{ManualClock, Space, key};

    #[test]
    fn a_person_can_read_who_waits_for_whom() {
        let clock = ManualClock::new();
        let space = Space::builder().clock(clock.clone()).build();
        let show = || block_on(space.query()).expect("open").to_string();
        assert_eq!(show(), "nothing is held, nothing waits");
        let checkout = space.owner("checkout");
        let held = block_on(checkout.lock([key!("cart", 7)]).shared("prices").label("pay")).expect("free");
        let mut waits = space.lock([key!("cart", 7), key!("stock", 3)]);
        let mut context = Context::from_waker(Waker::noop());
        assert!(Pin::new(&mut waits).poll(&mut context).is_pending());
        let mut behind = space.lock(key!("stock", 3));
        assert!(Pin::new(&mut behind).poll(&mut context).is_pending());
        clock.advance(Duration::from_millis(1500));
        let token = held.token();
        let expected = [
            &*format!(
                r#"held     ("cart", 7) + "prices" shared for "pay" of owner "checkout", token {token}, waited for since 1.500 s"#
            ),
            r#"waiting  ("cart", 7) + ("stock", 3), place 1, since 1.500 s, behind: ("cart", 7) held by "pay""#,
            r#"waiting  ("stock", 3), place 2, since 1.500 s, behind: ("stock", 3) reserved for an earlier request"#,
        ];
        assert_eq!(show(), expected.join("\n"));
    }
}
