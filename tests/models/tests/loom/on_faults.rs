//! The controls: each model finds its fault in the little shell, and nothing in the one without.

use latchwork::Key;
use latchwork_models::explore::{every_schedule, finds_a_fault, run};
use latchwork_models::faulty::{Fault, Faulty};

use super::{NEVER_WOKEN, models};

/// What the witness says when two were inside at once.
const TWO_AT_ONCE: &str = "assertion `left == right` failed";

const PREEMPTIONS: usize = 2;

fn control(name: &'static str, model: fn(&Faulty, &[Key]), fault: Fault, why: &str) {
    finds_a_fault(&format!("on_faults::{name}"), why, || {
        run(PREEMPTIONS, move || model(&Faulty::new(Some(fault)), &keys()));
    });
}

fn keys() -> [Key; 2] {
    [Key::from(1), Key::from(2)]
}

#[test]
fn grant_against_cancel() {
    control("grant_against_cancel", models::grant_against_cancel, Fault::KeepsUnseenGrants, NEVER_WOKEN);
}

#[test]
fn release_against_enqueue() {
    control("release_against_enqueue", models::release_against_enqueue, Fault::WaitsForWhatWasHeld, NEVER_WOKEN);
}

#[test]
fn enqueue_in_opposite_orders() {
    control("enqueue_in_opposite_orders", models::release_against_enqueue, Fault::JoinsKeyByKey, NEVER_WOKEN);
}

#[test]
fn exclusion() {
    control("exclusion", models::exclusion, Fault::TakesWhatWasFree, TWO_AT_ONCE);
}

#[test]
fn waker_changed_between_polls() {
    control("waker_changed_between_polls", models::waker_changed_between_polls, Fault::KeepsTheFirstWaker, NEVER_WOKEN);
}

#[test]
fn close_against_grant() {
    control("close_against_grant", models::close_against_grant, Fault::ClosesWhatItSaw, NEVER_WOKEN);
}

#[test]
fn close_against_enqueue() {
    control("close_against_enqueue", models::close_against_enqueue, Fault::ForgetsToLookForClose, NEVER_WOKEN);
}

#[test]
fn two_releases_against_one_wait() {
    control(
        "two_releases_against_one_wait",
        models::two_releases_against_one_wait,
        Fault::CountsInTwoSteps,
        NEVER_WOKEN,
    );
}

#[test]
fn two_releases_against_cancel() {
    control("two_releases_against_cancel", models::two_releases_against_cancel, Fault::KeepsUnseenGrants, NEVER_WOKEN);
}

#[test]
fn the_little_shell_without_a_fault() {
    type Model = (&'static str, fn(&Faulty, &[Key]));
    let all: [Model; 8] = [
        ("grant_against_cancel", models::grant_against_cancel),
        ("release_against_enqueue", models::release_against_enqueue),
        ("exclusion", models::exclusion),
        ("waker_changed_between_polls", models::waker_changed_between_polls),
        ("close_against_grant", models::close_against_grant),
        ("close_against_enqueue", models::close_against_enqueue),
        ("two_releases_against_one_wait", models::two_releases_against_one_wait),
        ("two_releases_against_cancel", models::two_releases_against_cancel),
    ];
    for (name, model) in all {
        every_schedule(&format!("{name}/little"), PREEMPTIONS, move || model(&Faulty::new(None), &keys()));
    }
}
