//! What only a space has: ports, deadlines, a driver, queries. The control of each is a host that forgets its part.

use std::time::Duration;

use latchwork::{Answer, Cancelled, Key, LockSpec, ManualClock, Settled, Space, Ticket};
use latchwork_models::checker::{block_on, thread};
use latchwork_models::shell::{Shell, space};

use super::NEVER_WOKEN;
use super::hosts::{Host, check, check_on, control, port_of};

fn waiting(answer: Answer) -> Ticket {
    match answer {
        Answer::Waiting(ticket) => ticket,
        Answer::Granted(_) => panic!("the key is held"),
    }
}

/// Two threads settle one request each of a port that sleeps meanwhile: it is woken for both, in one batch or two.
fn outcomes_reach_a_port(shards: usize, keys: &[Key; 2], host: Host) {
    let space = space(shards);
    let holders = keys.each_ref().map(|key| space.take(std::slice::from_ref(key)));
    let (port, woken) = port_of(&space, host);
    for (tag, key) in (1..).zip(keys) {
        waiting(port.lock(&LockSpec::new(key), tag).expect("open"));
    }
    let threads = holders.map(|holder| thread::spawn(move || drop(holder)));
    let mut settled = Vec::new();
    while settled.len() < 2 {
        woken.wait();
        port.take_settled(&mut settled);
    }
    for one in settled {
        let Settled::Granted { grant, .. } = one else { panic!("{one:?}") };
        port.confirm(grant.ticket).expect("it stands");
        port.release(grant.ticket).expect("it was granted");
    }
    threads.into_iter().for_each(|thread| thread.join().expect("no panic"));
    assert!(space.is_empty());
}

#[test]
fn outcomes_reach_a_port_that_sleeps() {
    check("outcomes_reach_a_port", 4, outcomes_reach_a_port);
}

#[test]
fn outcomes_reach_a_port_that_sleeps_control() {
    control("on_ports::outcomes_reach_a_port_that_sleeps", outcomes_reach_a_port, NEVER_WOKEN);
}

/// A port cancels while its grant is on the way: the cancel says which of the two it was, and the next one has the keys.
fn cancel_of_a_port(shards: usize, keys: &[Key; 2], host: Host) {
    let space = space(shards);
    let holder = space.take(keys);
    let (port, _) = port_of(&space, host);
    let ticket = waiting(port.lock(&LockSpec::new(&keys[..]), 1).expect("open"));
    let next = space.join(keys);
    let releases = thread::spawn(move || drop(holder));
    if host == Host::Good {
        let cancelled = port.cancel(ticket);
        assert_ne!(cancelled, Cancelled::Gone);
        let mut settled = Vec::new();
        port.take_settled(&mut settled);
        assert!(settled.is_empty() || cancelled == Cancelled::GrantGivenOn, "told of a grant that never was");
        assert!(port.confirm(ticket).is_err());
    }
    drop(block_on(next).expect("open"));
    releases.join().expect("no panic");
    assert!(space.is_empty());
}

#[test]
fn a_port_cancels_while_it_is_granted() {
    check("cancel_of_a_port", 4, cancel_of_a_port);
}

#[test]
fn a_port_cancels_while_it_is_granted_control() {
    control("on_ports::a_port_cancels_while_it_is_granted", cancel_of_a_port, NEVER_WOKEN);
}

/// A request times out while it is granted: it ends either way, and the next one has the keys.
fn time_out_against_grant(shards: usize, keys: &[Key; 2], host: Host) {
    let clock = ManualClock::new();
    let space = Space::builder().shards(shards).clock(clock.clone()).build();
    let holder = space.take(keys);
    let (port, woken) = port_of(&space, Host::Good);
    waiting(port.lock(&LockSpec::new(&keys[..]).timeout(Duration::from_millis(5)), 1).expect("there is a clock"));
    clock.advance(Duration::from_millis(5));
    let ticks = {
        let space = space.clone();
        thread::spawn(move || {
            if host == Host::Good {
                space.tick();
            }
        })
    };
    let (releases, kept) = match host {
        Host::Good => (Some(thread::spawn(move || drop(holder))), None),
        Host::Careless => (None, Some(holder)),
    };
    woken.wait();
    let mut settled = Vec::new();
    port.take_settled(&mut settled);
    match &settled[..] {
        [Settled::Granted { grant, .. }] => port.release(grant.ticket).expect("it is granted"),
        [Settled::Failed { error, .. }] => assert_eq!(error.code(), "timeout"),
        other => panic!("settled once: {other:?}"),
    }
    ticks.join().expect("no panic");
    releases.into_iter().for_each(|thread| thread.join().expect("no panic"));
    drop(kept);
    let mut again = Vec::new();
    port.take_settled(&mut again);
    assert!(again.is_empty(), "settled twice: {again:?}");
    assert!(space.is_empty());
    assert_eq!(space.next_deadline(), None);
}

#[test]
fn a_time_out_races_the_grant() {
    check("time_out_against_grant", 4, time_out_against_grant);
}

#[test]
fn a_time_out_races_the_grant_control() {
    control("on_ports::a_time_out_races_the_grant", time_out_against_grant, NEVER_WOKEN);
}

/// The last handle is closed while a driver begins to look: it ends.
fn drive_against_close(shards: usize, _keys: &[Key; 2], host: Host) {
    let space = space(shards);
    let mut drive = Box::pin(space.drive(|_| std::future::pending::<()>()));
    let closes = {
        let space = space.clone();
        thread::spawn(move || {
            if host == Host::Good {
                space.close();
            }
        })
    };
    block_on(drive.as_mut());
    closes.join().expect("no panic");
    assert!(space.is_closed());
}

#[test]
fn a_driver_ends_with_the_last_handle() {
    check_on(1, "drive_against_close", 4, drive_against_close);
}

#[test]
fn a_driver_ends_with_the_last_handle_control() {
    control("on_ports::a_driver_ends_with_the_last_handle", drive_against_close, NEVER_WOKEN);
}

/// A hand-over in two shards is one step for whoever asks about both keys at once. The control asks twice.
fn query_against_release(shards: usize, keys: &[Key; 2], host: Host) {
    let space = space(shards);
    let holder = space.take(keys);
    let next = space.join(keys);
    let releases = thread::spawn(move || drop(holder));
    let held = |keys: &[Key]| block_on(space.query_keys(keys)).expect("open").held;
    let seen = match host {
        Host::Good => held(keys),
        Host::Careless => [held(&keys[..1]), held(&keys[1..])].concat(),
    };
    let tokens: Vec<u64> = seen.iter().map(|hold| hold.token).collect();
    assert!(!tokens.is_empty() && tokens.iter().all(|&token| token == tokens[0]), "handed over in one step");
    drop(block_on(next).expect("open"));
    releases.join().expect("no panic");
    assert!(space.is_empty());
}

#[test]
fn a_query_sees_a_hand_over_as_one_step() {
    check("query_against_release", 4, query_against_release);
}

#[test]
fn a_query_sees_a_hand_over_as_one_step_control() {
    control("on_ports::a_query_sees_a_hand_over_as_one_step", query_against_release, "handed over in one step");
}
