//! The timer of the process: one thread that tells what is due in the spaces that threads of JavaScript share.
//!
//! A thread whose loop is blocked, or has nothing more to do, cannot keep time for those that wait behind it. A space without a
//! name belongs to one thread, and one with a manual clock to a test: of those this knows nothing (`timer.ts`).

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, JoinHandle, Thread};
use std::time::{Duration, Instant};

use latchwork::Space;

static TIMER: Mutex<Timer> = Mutex::new(Timer { environments: 0, running: None });

/// Longer than this it does not sleep; the space asks for the rest.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

struct Timer {
    /// How many environments there are. The thread, which runs code of this library, ends before the last of them has.
    environments: usize,
    running: Option<Running>,
}

struct Running {
    thread: JoinHandle<()>,
    orders: Arc<Orders>,
}

/// What the thread is told.
#[derive(Default)]
struct Orders {
    /// Spaces that are new to it, by their epochs: no two of a process have the same.
    spaces: Mutex<Vec<(u64, Driven)>>,
    end: AtomicBool,
}

/// An environment begins.
pub(crate) fn begin() {
    lock(&TIMER).environments += 1;
}

/// An environment has ended, and closed its spaces.
pub(crate) fn end() {
    let mut timer = lock(&TIMER);
    timer.environments -= 1;
    let last = if timer.environments == 0 { timer.running.take() } else { None };
    drop(timer);
    if let Some(Running { thread, orders }) = last {
        orders.end.store(true, Ordering::Release);
        thread.thread().unpark();
        // What a panic says was printed where it happened.
        let _ = thread.join();
    }
}

/// From now on the space is told what is due. Answers false where the system gives no thread for it.
pub(crate) fn keep_time<V: Send + Sync + 'static>(space: &Space<V>) -> bool {
    let mut timer = lock(&TIMER);
    if timer.running.is_none() {
        timer.running = Running::start();
    }
    let Some(Running { thread, orders }) = &timer.running else { return false };
    lock(&orders.spaces).push((space.epoch(), Driven::new(space, thread.thread().clone())));
    thread.thread().unpark();
    true
}

impl Running {
    fn start() -> Option<Running> {
        let orders = Arc::new(Orders::default());
        let given = Arc::clone(&orders);
        let named = thread::Builder::new().name(String::from("latchwork timer"));
        let thread = named.spawn(move || keep_all(&given)).ok()?;
        Some(Running { thread, orders })
    }
}

/// The thread: drives all spaces that it is told of, and sleeps in between.
fn keep_all(orders: &Orders) {
    let mut spaces: BTreeMap<u64, Driven> = BTreeMap::new();
    while !orders.end.load(Ordering::Acquire) {
        for (epoch, driven) in lock(&orders.spaces).drain(..) {
            spaces.entry(epoch).or_insert(driven);
        }
        // A defect in one of them, which is printed where it happens, must not cost the others their time.
        spaces.retain(|_, driven| catch_unwind(AssertUnwindSafe(|| driven.go_on())).unwrap_or(false));
        // A wake that came meanwhile ends the sleep at once.
        match spaces.values().filter_map(|driven| driven.alarm.at()).min() {
            Some(at) => thread::park_timeout(at.saturating_duration_since(Instant::now())),
            None => thread::park(),
        }
    }
}

/// A space whose time is kept.
struct Driven {
    drive: Pin<Box<dyn Future<Output = ()> + Send>>,
    alarm: Arc<Alarm>,
}

impl Driven {
    fn new<V: Send + Sync + 'static>(space: &Space<V>, thread: Thread) -> Driven {
        let alarm = Arc::new(Alarm { thread, woken: AtomicBool::new(true), at: Mutex::default() });
        let sleeps = Arc::clone(&alarm);
        let sleep = move |time: Duration| Sleep { at: Instant::now() + time.min(LONGEST), alarm: Arc::clone(&sleeps) };
        Driven { drive: Box::pin(space.drive(sleep)), alarm }
    }

    /// Does what is to be done now. Answers false when the space has ended.
    fn go_on(&mut self) -> bool {
        let due = self.alarm.at().is_some_and(|at| at <= Instant::now());
        if !self.alarm.woken.swap(false, Ordering::AcqRel) && !due {
            return true;
        }
        // Set again by the sleep, if there is one.
        *lock(&self.alarm.at) = None;
        let waker = Waker::from(Arc::clone(&self.alarm));
        self.drive.as_mut().poll(&mut Context::from_waker(&waker)).is_pending()
    }
}

/// What brings the thread back to a space.
struct Alarm {
    thread: Thread,
    /// Something has become due sooner, or the space has ended.
    woken: AtomicBool,
    at: Mutex<Option<Instant>>,
}

impl Alarm {
    fn at(&self) -> Option<Instant> {
        *lock(&self.at)
    }
}

impl Wake for Alarm {
    fn wake(self: Arc<Self>) {
        self.woken.store(true, Ordering::Release);
        self.thread.unpark();
    }
}

/// Ready when its time has come.
struct Sleep {
    at: Instant,
    alarm: Arc<Alarm>,
}

impl Future for Sleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        if self.at <= Instant::now() {
            return Poll::Ready(());
        }
        *lock(&self.alarm.at) = Some(self.at);
        Poll::Pending
    }
}

/// Locks a mutex whose values are whole at all times, also after a panic.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
