//! Updates and transactions: turns against cancel, a turn of the space against a commit, a wait for a change against the
//! change, a watch against a commit. The control of each is a host that does in two steps what a call does in one, or that forgets to wake.

use std::sync::Arc;
use std::time::Duration;

use latchwork::{
    Call, CallSpec, Change, Commit, Error, ErrorKind, Expiry, Key, KeyRange, ManualClock, Port, Run, Scan, Space, Step,
    Tx,
};
use latchwork_models::checker::{AtomicUsize, Ordering, Signal, block_on, thread};

use super::NEVER_WOKEN;
use super::hosts::{Host, check, control, port_of, space_with_cells};

fn set(port: &Port<u32>, key: &Key, value: u32) {
    let mut commit = Commit::new();
    commit.set(key.clone(), None, value, Expiry::Never);
    port.commit(commit).expect("open").expect("no condition");
}

fn runs(step: Step<u32>) -> Run<u32> {
    match step {
        Step::Run(run) => run,
        other => panic!("not to be run: {other:?}"),
    }
}

/// The function of an update that adds one.
fn add(call: &Call<u32>, run: &Run<u32>) -> Step<u32> {
    let there = run.entry.as_ref().and_then(|entry| entry.value.as_deref()).copied().unwrap_or(0);
    call.answer(run.scope, Change::Set(there + 1), Expiry::Keep)
}

/// An update that has its turn, and runs.
fn in_turn(port: &Port<u32>, key: &Key) -> (Call<u32>, Run<u32>) {
    let call = port.update(key, &CallSpec::new(), 1).expect("open");
    let mut step = call.go_on();
    for _ in 0..3 {
        let one = runs(step);
        set(port, key, 0);
        step = add(&call, &one);
    }
    let run = runs(step);
    (call, run)
}

/// A transaction that waits for a change of a cell.
fn asleep(port: &Port<u32>, key: &Key) -> Call<u32> {
    let call = port.transact(&CallSpec::new(), 1).expect("open");
    let run = runs(call.go_on());
    call.get(run.scope, key).expect("it is the only read");
    assert_eq!(call.retry(run.scope).kind(), ErrorKind::Conflict);
    assert!(matches!(call.returned(run.scope), Step::Wait));
    call
}

/// Waits until a call that is queued, or asleep, is to run.
fn await_run(call: &Call<u32>, woken: &Signal) -> Run<u32> {
    loop {
        match call.go_on() {
            Step::Run(run) => return run,
            Step::Wait => woken.wait(),
            other => panic!("{other:?}"),
        }
    }
}

/// One has the turn and is given up, the next one in line is given up too: the third gets it, and nothing is left.
fn turn_against_cancel(shards: usize, keys: &[Key; 2], host: Host) {
    let space = space_with_cells(shards);
    let (one, two) = (space.port(|| {}), space.port(|| {}));
    let (three, woken) = port_of(&space, host);
    let (holder, _) = in_turn(&one, &keys[0]);
    let next = two.update(&keys[0], &CallSpec::new(), 2).expect("open");
    let last = three.update(&keys[0], &CallSpec::new(), 3).expect("open");
    assert!(matches!(next.go_on(), Step::Wait) && matches!(last.go_on(), Step::Wait));
    let ends = [thread::spawn(move || drop((holder, one))), thread::spawn(move || drop((next, two)))];
    let run = await_run(&last, &woken);
    assert!(matches!(add(&last, &run), Step::Done(_)));
    ends.into_iter().for_each(|end| end.join().expect("no panic"));
    let fresh = three.update(&keys[0], &CallSpec::new(), 4).expect("open");
    assert_eq!(runs(fresh.go_on()).attempt, 1, "no queue is left");
    drop(fresh);
    let query = three.query(None).expect("open");
    assert!(query.held.is_empty() && query.pending.is_empty());
}

#[test]
fn a_turn_against_cancel() {
    check("turn_against_cancel", 3, turn_against_cancel);
}

#[test]
fn a_turn_against_cancel_control() {
    control("on_calls::a_turn_against_cancel", turn_against_cancel, NEVER_WOKEN);
}

/// A transaction takes the turn of the space while an update of a cell in it is about to commit: that is before the turn
/// is in force, or not at all, so that the body runs once in the turn.
fn turn_of_the_space(shards: usize, keys: &[Key; 2], host: Host) {
    let space = space_with_cells(shards);
    let (port, other) = (space.port(|| {}), space.port(|| {}));
    let call = port.transact(&CallSpec::new(), 1).expect("open");
    let mut step = call.go_on();
    for _ in 0..2 {
        let one = runs(step);
        call.list(one.scope, &Scan::new(KeyRange::all())).expect("fresh");
        call.set(one.scope, &keys[1], 1, None).expect("it runs");
        set(&port, &keys[0], 0);
        step = call.returned(one.scope);
    }
    let third = runs(step);
    call.list(third.scope, &Scan::new(KeyRange::all())).expect("fresh");
    call.set(third.scope, &keys[1], 1, None).expect("it runs");
    set(&port, &keys[0], 0);
    let key = keys[0].clone();
    let update = other.update(&key, &CallSpec::new(), 2).expect("open");
    let run = runs(update.go_on());
    let writes = thread::spawn(move || match host {
        Host::Good => {
            // It commits, or waits for the end of the turn, or has come to it.
            let step = add(&update, &run);
            assert!(matches!(step, Step::Done(_) | Step::Wait | Step::Run(_)), "{step:?}");
            drop((update, other));
        }
        // A write of its own that looks at no turn.
        Host::Careless => set(&other, &key, 7),
    });
    let fourth = runs(call.returned(third.scope));
    assert_eq!(fourth.attempt, 4);
    call.list(fourth.scope, &Scan::new(KeyRange::all())).expect("nothing changes in the turn");
    call.set(fourth.scope, &keys[1], 1, None).expect("nothing changes in the turn");
    assert!(matches!(call.returned(fourth.scope), Step::Done(_)), "nothing changes in the turn");
    writes.join().expect("no panic");
}

#[test]
fn a_turn_of_the_space_against_a_commit() {
    check("turn_of_the_space", 4, turn_of_the_space);
}

#[test]
fn a_turn_of_the_space_against_a_commit_control() {
    control("on_calls::a_turn_of_the_space_against_a_commit", turn_of_the_space, "nothing changes in the turn");
}

/// A body waits for a change of what it read while another thread makes it: it is woken (clause C10).
fn retry_against_commit(shards: usize, keys: &[Key; 2], host: Host) {
    let space = space_with_cells(shards);
    let (port, key) = (space.port(|| {}), keys[0].clone());
    if host == Host::Careless {
        // Looks, and waits then for who saw that somebody waits.
        let (waits, woken) = (Arc::new(AtomicUsize::new(0)), Signal::new());
        let (seen, wake) = (waits.clone(), woken.clone());
        let reader = space.port(|| {});
        let writes = thread::spawn(move || {
            set(&port, &key, 1);
            if seen.load(Ordering::SeqCst) > 0 {
                wake.give();
            }
        });
        if reader.get(&keys[0]).expect("open").value.is_none() {
            waits.store(1, Ordering::SeqCst);
            woken.wait();
        }
        return writes.join().expect("no panic");
    }
    let writes = thread::spawn(move || set(&port, &key, 1));
    let taken = block_on(space.transact(async |tx: Tx<u32>| match tx.get(&keys[0]).await?.value {
        None => Err(tx.retry()),
        Some(value) => Ok::<_, Error>(value),
    }));
    assert_eq!(taken.expect("open").value, 1);
    writes.join().expect("no panic");
}

#[test]
fn retry_sees_the_commit() {
    check("retry_against_commit", 4, retry_against_commit);
}

#[test]
fn retry_sees_the_commit_control() {
    control("on_calls::retry_sees_the_commit", retry_against_commit, NEVER_WOKEN);
}

/// The body of a port's call waits for a change of two cells while another call commits one of them: the port is woken, and
/// the body runs again on what was written (clause C10).
fn retry_of_a_call(shards: usize, keys: &[Key; 2], host: Host) {
    let space = space_with_cells(shards);
    let (port, woken) = port_of(&space, host);
    let (other, key) = (space.port(|| {}), keys[1].clone());
    let writes = thread::spawn(move || {
        let update = other.update(&key, &CallSpec::new(), 2).expect("open");
        let run = runs(update.go_on());
        assert!(matches!(add(&update, &run), Step::Done(_)));
    });
    let call = port.transact(&CallSpec::new(), 1).expect("open");
    let mut step = call.go_on();
    let done = loop {
        step = match step {
            Step::Run(run) => {
                let read = keys.each_ref().map(|key| call.get(run.scope, key).expect("one change is not two").version);
                assert_eq!(read[0], 0);
                if read[1] == 0 {
                    assert_eq!(call.retry(run.scope).kind(), ErrorKind::Conflict);
                }
                call.returned(run.scope)
            }
            Step::Wait => {
                woken.wait();
                port.take_settled(&mut Vec::new());
                call.go_on()
            }
            Step::Done(done) => break done,
            other => panic!("{other:?}"),
        };
    };
    assert!(done.attempts <= 2, "it runs again once something has changed");
    writes.join().expect("no panic");
}

#[test]
fn retry_of_a_call_sees_the_commit() {
    check("retry_of_a_call", 5, retry_of_a_call);
}

#[test]
fn retry_of_a_call_sees_the_commit_control() {
    control("on_calls::retry_of_a_call_sees_the_commit", retry_of_a_call, NEVER_WOKEN);
}

/// Two bodies wait for a change of the same cell; one is given up while it is made, and the other one is woken.
fn retry_against_cancel(shards: usize, keys: &[Key; 2], host: Host) {
    let space = space_with_cells(shards);
    let (port, woken) = port_of(&space, host);
    let (other, writer, key) = (space.port(|| {}), space.port(|| {}), keys[0].clone());
    let (stays, leaves) = (asleep(&port, &key), asleep(&other, &key));
    let ends = [thread::spawn(move || drop((leaves, other))), thread::spawn(move || set(&writer, &key, 1))];
    assert_eq!(await_run(&stays, &woken).attempt, 2);
    ends.into_iter().for_each(|end| end.join().expect("no panic"));
}

#[test]
fn a_retry_against_cancel() {
    check("retry_against_cancel", 3, retry_against_cancel);
}

#[test]
fn a_retry_against_cancel_control() {
    control("on_calls::a_retry_against_cancel", retry_against_cancel, NEVER_WOKEN);
}

/// A transaction writes two cells that somebody watches who sleeps in between: each item has both of them or neither, and
/// the last one comes (clauses C6 and C13). The control writes one after the other.
fn watch_against_transaction(shards: usize, keys: &[Key; 2], host: Host) {
    let space = space_with_cells(shards);
    let (port, woken) = port_of(&space, Host::Good);
    let mut watch = space.watch(&keys[..]);
    let (writer, both) = (space.port(|| {}), keys.clone());
    let writes = thread::spawn(move || match host {
        Host::Good => {
            let call = writer.transact(&CallSpec::new(), 2).expect("open");
            let run = runs(call.go_on());
            assert_eq!(call.get(run.scope, &both[0]).expect("nobody else writes").version, 0);
            both.iter().for_each(|key| call.set(run.scope, key, 1, None).expect("it runs"));
            assert!(matches!(call.returned(run.scope), Step::Done(_)));
        }
        Host::Careless => both.iter().for_each(|key| set(&writer, key, 1)),
    });
    loop {
        port.take_settled(&mut Vec::new());
        match port.next_of(&mut watch, 1).expect("open").as_deref() {
            Some([one, two]) => {
                assert_eq!(one.version, two.version, "half of a commit is seen");
                if one.version > 0 {
                    break;
                }
            }
            Some(other) => panic!("{other:?}"),
            None => woken.wait(),
        }
    }
    writes.join().expect("no panic");
}

#[test]
fn who_watches_sees_a_transaction_whole() {
    check("watch_against_transaction", 5, watch_against_transaction);
}

#[test]
fn who_watches_sees_a_transaction_whole_control() {
    control("on_calls::who_watches_sees_a_transaction_whole", watch_against_transaction, "half of a commit is seen");
}

/// Two cells are written together while a body reads one after the other: it never sees one without the other (clause C6).
fn reads_against_commit(shards: usize, keys: &[Key; 2], host: Host) {
    let space = space_with_cells(shards);
    let (port, both) = (space.port(|| {}), keys.clone());
    let writes = thread::spawn(move || {
        let mut commit = Commit::new();
        both.into_iter().for_each(|key| commit.set(key, None, 1, Expiry::Never));
        port.commit(commit).expect("open").expect("no condition");
    });
    let reader = space.port(|| {});
    let call = reader.transact(&CallSpec::new(), 1).expect("open");
    let one = runs(call.go_on());
    let read = |key: &Key| match host {
        Host::Good => call.get(one.scope, key),
        Host::Careless => reader.get(key),
    };
    let seen = [read(&keys[0]), read(&keys[1])].map(|entry| entry.map(|entry| entry.version));
    if let [Ok(first), Ok(second)] = seen {
        assert_eq!(first, second, "what is read fits together");
    }
    writes.join().expect("no panic");
}

#[test]
fn what_is_read_fits_together() {
    check("reads_against_commit", 4, reads_against_commit);
}

#[test]
fn what_is_read_fits_together_control() {
    control("on_calls::what_is_read_fits_together", reads_against_commit, "what is read fits together");
}

/// A body gives a cell an hour, the first that expires in the space, in one thread, and ends in another: what was accepted is
/// there, for an hour from the commit (clauses C8, C12).
fn expiry_against_end(shards: usize, keys: &[Key; 2], host: Host) {
    const HOUR: Duration = Duration::from_secs(3600);
    let clock = ManualClock::new();
    clock.advance(5 * HOUR);
    let space: Space<u32> = Space::builder().cells().shards(shards).clock(clock).build();
    let port = space.port(|| {});
    let call = port.transact(&CallSpec::new(), 1).expect("open");
    let run = runs(call.go_on());
    let (other, key, scope) = (call.clone(), keys[0].clone(), run.scope);
    let sets = thread::spawn(move || other.set(scope, &key, 1, Some(Expiry::In(HOUR))));
    assert!(matches!(call.returned(scope), Step::Done(_)));
    let set = sets.join().expect("no panic");
    let accepted = match host {
        Host::Good => set.is_ok(),
        Host::Careless => true,
    };
    assert_eq!(port.get(&keys[0]).expect("open").value.is_some(), accepted, "what was accepted is there");
}

#[test]
fn an_expiry_against_the_end_of_its_body() {
    check("expiry_against_end", 3, expiry_against_end);
}

#[test]
fn an_expiry_against_the_end_of_its_body_control() {
    control("on_calls::an_expiry_against_the_end_of_its_body", expiry_against_end, "what was accepted is there");
}

/// A call with a time-out begins while its handle is closed: it is refused, or told while its body runs (clauses B6, C8).
fn body_against_close(shards: usize, keys: &[Key; 2], host: Host) {
    let space: Space<u32> = Space::builder().cells().shards(shards).clock(ManualClock::new()).build();
    assert!(block_on(space.get("nothing")).expect("open").value.is_none());
    let (port, woken) = port_of(&space, host);
    let closes = thread::spawn(move || space.close());
    let closed = |error: Error| assert_eq!(error.code(), "closed");
    match port.update(&keys[0], &CallSpec::new().timeout(Duration::from_millis(1)), 1) {
        Err(error) => closed(error),
        Ok(call) => loop {
            match call.go_on() {
                Step::Failed(error) => break closed(error),
                Step::Run(_) => {}
                Step::Wait => woken.wait(),
                other => panic!("{other:?}"),
            }
        },
    }
    closes.join().expect("no panic");
}

#[test]
fn a_body_against_the_end_of_its_handle() {
    check("body_against_close", 3, body_against_close);
}

#[test]
fn a_body_against_the_end_of_its_handle_control() {
    control("on_calls::a_body_against_the_end_of_its_handle", body_against_close, NEVER_WOKEN);
}
