//! The shell of a space under model checkers: whatever the machine decides, is everybody told, once, on every schedule?
//!
//! | module | what it is |
//! |---|---|
//! | `checker` | the threads, mutexes and atomics of the checker that was chosen |
//! | `shell` | what a model asks of a shell, and a space as one |
//! | `faulty` | a little shell of its own, with at most one known fault: the control of each model |
//! | `witness` | sees that two are never inside a key at once |
//! | `explore` | runs a model on every schedule, or on many, and tells on how many |
//! | `numbers` | the random numbers that programs are made of |
//!
//! Built with `--cfg loom`, the tests are those of `tests/loom`: two to four threads on every schedule with few
//! preemptions. Built with `--cfg shuttle`, those of `tests/shuttle`: five to twenty tasks on random schedules. Built
//! with neither there is nothing here. `cargo xtask test rust` runs both; the commands are in `README.md`.

#[cfg(any(loom, shuttle))]
pub mod checker;
#[cfg(any(loom, shuttle))]
pub mod explore;
#[cfg(any(loom, shuttle))]
pub mod faulty;
#[cfg(shuttle)]
pub mod numbers;
#[cfg(any(loom, shuttle))]
pub mod shell;
#[cfg(any(loom, shuttle))]
pub mod witness;
