//! The control: the random program finds every fault of the little shell, and nothing in the one without.

use latchwork_models::explore::{finds_a_fault, random_schedules};
use latchwork_models::faulty::{Fault, Faulty};

use super::SEEDS;
use super::program::program;

/// What the checker says when somebody waits who is never woken.
const NEVER_WOKEN: &str = "deadlock";

fn control(test: &str, fault: Fault, why: &str) {
    finds_a_fault(&format!("on_faults::{test}"), why, || {
        random_schedules(test, &SEEDS, 400, move |number| program(&Faulty::new(Some(fault)), number));
    });
}

#[test]
fn a_grant_that_is_kept_unseen() {
    control("a_grant_that_is_kept_unseen", Fault::KeepsUnseenGrants, NEVER_WOKEN);
}

#[test]
fn keys_taken_that_were_free() {
    control("keys_taken_that_were_free", Fault::TakesWhatWasFree, "two were inside at once");
}

#[test]
fn keys_waited_for_that_were_held() {
    control("keys_waited_for_that_were_held", Fault::WaitsForWhatWasHeld, NEVER_WOKEN);
}

#[test]
fn queues_joined_one_by_one() {
    control("queues_joined_one_by_one", Fault::JoinsKeyByKey, NEVER_WOKEN);
}

#[test]
fn a_count_in_two_steps() {
    control("a_count_in_two_steps", Fault::CountsInTwoSteps, NEVER_WOKEN);
}

#[test]
fn a_close_that_is_not_looked_for() {
    control("a_close_that_is_not_looked_for", Fault::ForgetsToLookForClose, "held through a closed handle");
}

#[test]
fn the_little_shell_without_a_fault() {
    random_schedules("program/little", &SEEDS, 100, |number| program(&Faulty::new(None), number));
}
