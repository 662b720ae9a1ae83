//! The asyncio side: one core port per handle and event loop, and hand-made awaitables over it.

mod guard;
mod loop_port;
mod ready;
mod request;
mod space;

pub(crate) use self::guard::AioGuard;
pub(crate) use self::request::LockRequest;
pub(crate) use self::space::AioSpace;
