//! Runs a model on every schedule, or on many, and tells on how many.

use std::io::Write;
#[cfg(shuttle)]
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

const CHECKER: &str = if cfg!(loom) { "loom" } else { "shuttle" };

/// Set for the process in which a control runs.
const CONTROL: &str = "LATCHWORK_MODEL_CONTROL";

/// Runs `model` on every schedule on which no more than `preemptions` threads are interrupted where they could go on.
///
/// # Panics
///
/// With the model, and when there was only one schedule: then nothing ran at the same time.
#[cfg(loom)]
pub fn every_schedule(name: &str, preemptions: usize, model: impl Fn() + Send + Sync + 'static) {
    let schedules = Schedules::default();
    run(preemptions, schedules.counting(model));
    let count = schedules.count();
    tell(&format!("model checker={CHECKER} name={name} schedules={count} preemptions={preemptions}"));
    assert!(count > 1, "{name} has one schedule only");
}

/// Runs a model that has to fail on one of the schedules, saying `why`. The checker ends the process where threads wait for
/// ever, so that the model runs in a process of its own: the same test again, whose full name is `test`.
///
/// # Panics
///
/// When the model does not fail, or for another reason.
pub fn finds_a_fault(test: &str, why: &str, run: impl FnOnce()) {
    if std::env::var_os(CONTROL).is_some() {
        run();
        return;
    }
    let own = std::env::current_exe().expect("a test has a file");
    let child = Command::new(own).args([test, "--exact", "--nocapture"]).env(CONTROL, "1").output().expect("it starts");
    let said = String::from_utf8_lossy(&child.stderr);
    let found = !child.status.success() && said.contains(why);
    tell(&format!("control checker={CHECKER} name={test} {}", if found { "found" } else { "missed" }));
    assert!(found, "{test} has to fail with {why:?}; it said: {said}");
}

/// Runs `model` as [`every_schedule`] does, and counts nothing.
#[cfg(loom)]
pub fn run(preemptions: usize, model: impl Fn() + Send + Sync + 'static) {
    let mut settings = loom::model::Builder::new();
    settings.preemption_bound = Some(preemptions);
    settings.max_branches = 20_000;
    settings.check(model);
}

/// Runs `model` on random schedules, with a number that says how often it ran before: uniformly random ones, and ones with
/// few changes of who goes first, as many of each for every seed.
///
/// # Panics
///
/// With the model; the seed and the number are printed before, and repeat it.
#[cfg(shuttle)]
pub fn random_schedules(name: &str, seeds: &[u64], runs: usize, model: impl Fn(u64) + Send + Sync + Clone + 'static) {
    let schedules = Schedules::default();
    for &seed in seeds {
        let uniform = shuttle::scheduler::RandomScheduler::new_from_seed(seed, runs);
        draw(name, ("uniform", seed), uniform, &schedules, model.clone());
        let few_changes = shuttle::scheduler::PctScheduler::new_from_seed(seed, 3, runs);
        draw(name, ("few changes", seed), few_changes, &schedules, model.clone());
    }
    tell(&format!("model checker={CHECKER} name={name} schedules={} seeds={seeds:?}", schedules.count()));
}

#[cfg(shuttle)]
fn draw(
    name: &str,
    (kind, seed): (&str, u64),
    scheduler: impl shuttle::scheduler::Scheduler + 'static,
    schedules: &Schedules,
    model: impl Fn(u64) + Send + Sync + 'static,
) {
    let number = Arc::new(AtomicUsize::new(0));
    let mut settings = shuttle::Config::new();
    settings.stack_size = 1 << 18;
    settings.silence_warnings = true;
    let counting = {
        let number = number.clone();
        schedules.counting(move || model(seed << 32 | number.fetch_add(1, Ordering::Relaxed) as u64))
    };
    let run = AssertUnwindSafe(|| shuttle::Runner::new(scheduler, settings).run(counting));
    if let Err(panic) = catch_unwind(run) {
        let number = number.load(Ordering::Relaxed);
        tell(&format!("failed checker={CHECKER} name={name} scheduler={kind} seed={seed} run={number}"));
        resume_unwind(panic);
    }
}

/// How many schedules a model ran on.
#[derive(Clone, Debug, Default)]
struct Schedules(Arc<AtomicUsize>);

impl Schedules {
    fn counting(&self, model: impl Fn() + Send + Sync + 'static) -> impl Fn() + Send + Sync + 'static {
        let count = self.0.clone();
        move || {
            count.fetch_add(1, Ordering::Relaxed);
            model();
        }
    }

    fn count(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

/// Past the capture of test output, for the task runner to read.
fn tell(line: &str) {
    std::io::stdout().write_all(format!("{line}\n").as_bytes()).expect("standard output is open");
}
