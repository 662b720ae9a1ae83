//! The part of a run that counts.

use std::cell::Cell;
use std::hint::black_box;
use std::time::Duration;

use cpu_time::ThreadTime;

thread_local! {
    static WARMING_UP: Cell<bool> = const { Cell::new(false) };
}

/// Runs `work` and says how much of the processor's time it took in this thread: what other programs do meanwhile is
/// not in it. Everything else that a case does, before and after, is not counted.
pub fn section<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    if WARMING_UP.get() {
        return (black_box(work()), Duration::ZERO);
    }
    counted_section(work)
}

/// Runs `work`, whose sections are not counted.
pub fn warm_up<T>(work: impl FnOnce() -> T) -> T {
    WARMING_UP.set(true);
    let value = work();
    WARMING_UP.set(false);
    value
}

/// Never inlined: callgrind counts instructions from its entry to its return, and finds it by this name.
#[inline(never)]
fn counted_section<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let start = ThreadTime::now();
    let value = black_box(work());
    (value, start.elapsed())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_not_warm_up_is_counted() {
        let spin = || (0..1_000_000).fold(0_u64, |sum, number| black_box(sum ^ number));
        assert_eq!(warm_up(|| section(spin)).1, Duration::ZERO);
        assert!(section(spin).1 > Duration::ZERO);
    }
}
