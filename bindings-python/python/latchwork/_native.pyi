"""The types of the compiled module. Use the names of `latchwork`, `latchwork.aio` and `latchwork.testing`."""

from asyncio import Future
from collections.abc import Awaitable, Callable, Iterable
from types import TracebackType
from typing import Any, Literal, TypeAlias, TypeVar, final

from typing_extensions import Self, disjoint_base

from .aio_mutex import Mutex as AioMutex
from .errors import LatchworkError
from .handed_over import HandedOver as AioHandedOver
from .handed_over import Lost as AioLost
from .keys import Key
from .lock_request import LockRequest
from .mutex import Mutex
from .query import HandOver, Query

__all__ = [
    "AioGuard",
    "AioOwner",
    "AioSpace",
    "Guard",
    "HandedOver",
    "Lost",
    "ManualClock",
    "Owner",
    "Space",
    "__version__",
    "_after_fork",
    "_decode_key",
    "_encode_key",
    "_error_classes",
]

__version__: str

_T = TypeVar("_T")
_Mode: TypeAlias = Literal["exclusive", "shared"]
_AnyOwner: TypeAlias = Owner | AioOwner

@disjoint_base
class Space:
    def __new__(
        cls,
        url: str | None = None,
        *,
        clock: ManualClock | None = None,
        ambient_owner: bool = False,
        max_waiters: int | None = None,
        max_waiters_per_key: int | None = None,
        meta: object = None,
    ) -> Self: ...
    @property
    def epoch(self) -> int: ...
    @property
    def meta(self) -> Any: ...
    def lock(
        self,
        *keys: Key,
        mode: _Mode = "exclusive",
        shared: Iterable[Key] = (),
        timeout: float | None = None,
        label: str | None = None,
        owner: _AnyOwner | None = None,
        max_hold: float | None = None,
    ) -> Guard: ...
    def try_lock(
        self,
        *keys: Key,
        mode: _Mode = "exclusive",
        shared: Iterable[Key] = (),
        label: str | None = None,
        owner: _AnyOwner | None = None,
        max_hold: float | None = None,
    ) -> Guard | None: ...
    def with_lock(
        self,
        *keys: Key,
        fn: Callable[[Guard], _T],
        mode: _Mode = "exclusive",
        shared: Iterable[Key] = (),
        timeout: float | None = None,
        label: str | None = None,
        owner: _AnyOwner | None = None,
        max_hold: float | None = None,
    ) -> _T: ...
    def owner(self, label: str | None = None) -> Owner: ...
    def mutex(self, key: Key) -> Mutex: ...
    def revoke(self, *keys: Key) -> int: ...
    def query(self, *keys: Key) -> Query: ...
    def _look(self, key: Key) -> Query: ...
    def close(self) -> None: ...
    def __enter__(self) -> Self: ...
    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> None: ...

@final
class Guard:
    @property
    def keys(self) -> tuple[Key, ...]: ...
    @property
    def shared(self) -> tuple[Key, ...]: ...
    @property
    def token(self) -> int: ...
    @property
    def label(self) -> str | None: ...
    @property
    def abandoned(self) -> bool: ...
    @property
    def held(self) -> bool: ...
    @property
    def owner(self) -> Owner | None: ...
    @property
    def space(self) -> Space: ...
    @property
    def payload(self) -> Any: ...
    @property
    def lost(self) -> Lost: ...
    def hand_over(self, owner: _AnyOwner | str, payload: object = None) -> HandOver: ...
    def release(self, *keys: Key) -> None: ...
    def downgrade(self, *keys: Key) -> None: ...
    def __enter__(self) -> Self: ...
    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> None: ...

@final
class Owner:
    @property
    def id(self) -> str: ...
    @property
    def label(self) -> str | None: ...
    @property
    def closed(self) -> bool: ...
    @property
    def space(self) -> Space: ...
    def lock(
        self,
        *keys: Key,
        mode: _Mode = "exclusive",
        shared: Iterable[Key] = (),
        timeout: float | None = None,
        label: str | None = None,
        max_hold: float | None = None,
    ) -> Guard: ...
    def try_lock(
        self,
        *keys: Key,
        mode: _Mode = "exclusive",
        shared: Iterable[Key] = (),
        label: str | None = None,
        max_hold: float | None = None,
    ) -> Guard | None: ...
    def with_lock(
        self,
        *keys: Key,
        fn: Callable[[Guard], _T],
        mode: _Mode = "exclusive",
        shared: Iterable[Key] = (),
        timeout: float | None = None,
        label: str | None = None,
        max_hold: float | None = None,
    ) -> _T: ...
    @property
    def handed_over(self) -> HandedOver: ...
    def close(self) -> int: ...
    def __enter__(self) -> Self: ...
    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> None: ...

@disjoint_base
class AioSpace:
    def __new__(
        cls,
        url: str | None = None,
        *,
        clock: ManualClock | None = None,
        ambient_owner: bool = False,
        max_waiters: int | None = None,
        max_waiters_per_key: int | None = None,
        meta: object = None,
    ) -> Self: ...
    @property
    def epoch(self) -> int: ...
    @property
    def meta(self) -> Any: ...
    def lock(
        self,
        *keys: Key,
        mode: _Mode = "exclusive",
        shared: Iterable[Key] = (),
        timeout: float | None = None,
        label: str | None = None,
        owner: _AnyOwner | None = None,
        max_hold: float | None = None,
    ) -> LockRequest: ...
    def _try_lock(
        self,
        keys: tuple[Key, ...],
        mode: _Mode | None = None,
        shared: Iterable[Key] | None = None,
        label: str | None = None,
        owner: _AnyOwner | None = None,
        max_hold: float | None = None,
    ) -> AioGuard | None: ...
    async def try_lock(
        self,
        *keys: Key,
        mode: _Mode = "exclusive",
        shared: Iterable[Key] = (),
        label: str | None = None,
        owner: _AnyOwner | None = None,
        max_hold: float | None = None,
    ) -> AioGuard | None: ...
    async def with_lock(
        self,
        *keys: Key,
        fn: Callable[[AioGuard], Awaitable[_T]],
        mode: _Mode = "exclusive",
        shared: Iterable[Key] = (),
        timeout: float | None = None,
        label: str | None = None,
        owner: _AnyOwner | None = None,
        max_hold: float | None = None,
    ) -> _T: ...
    def owner(self, label: str | None = None) -> AioOwner: ...
    def mutex(self, key: Key) -> AioMutex: ...
    async def revoke(self, *keys: Key) -> int: ...
    def _revoke(self, keys: tuple[Key, ...]) -> int: ...
    async def query(self, *keys: Key) -> Query: ...
    async def close(self) -> None: ...
    async def __aenter__(self) -> Self: ...
    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> None: ...
    def _look(self, key: Key) -> Query: ...
    def _query(self, keys: tuple[Key, ...]) -> Query: ...
    def _close(self) -> None: ...

@final
class AioGuard:
    @property
    def keys(self) -> tuple[Key, ...]: ...
    @property
    def shared(self) -> tuple[Key, ...]: ...
    @property
    def token(self) -> int: ...
    @property
    def label(self) -> str | None: ...
    @property
    def abandoned(self) -> bool: ...
    @property
    def held(self) -> bool: ...
    @property
    def owner(self) -> AioOwner | None: ...
    @property
    def space(self) -> AioSpace: ...
    @property
    def payload(self) -> Any: ...
    @property
    def lost(self) -> AioLost: ...
    async def hand_over(self, owner: _AnyOwner | str, payload: object = None) -> HandOver: ...
    def _hand_over(self, owner: _AnyOwner | str, payload: object = None) -> HandOver: ...
    def release(self, *keys: Key) -> None: ...
    def downgrade(self, *keys: Key) -> None: ...
    def __enter__(self) -> Self: ...
    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> None: ...
    async def __aenter__(self) -> Self: ...
    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> None: ...
    def close(self) -> None: ...
    def _step(self) -> Future[None] | None: ...

@final
class AioOwner:
    @property
    def id(self) -> str: ...
    @property
    def label(self) -> str | None: ...
    @property
    def closed(self) -> bool: ...
    @property
    def space(self) -> AioSpace: ...
    def lock(
        self,
        *keys: Key,
        mode: _Mode = "exclusive",
        shared: Iterable[Key] = (),
        timeout: float | None = None,
        label: str | None = None,
        max_hold: float | None = None,
    ) -> LockRequest: ...
    async def try_lock(
        self,
        *keys: Key,
        mode: _Mode = "exclusive",
        shared: Iterable[Key] = (),
        label: str | None = None,
        max_hold: float | None = None,
    ) -> AioGuard | None: ...
    async def with_lock(
        self,
        *keys: Key,
        fn: Callable[[AioGuard], Awaitable[_T]],
        mode: _Mode = "exclusive",
        shared: Iterable[Key] = (),
        timeout: float | None = None,
        label: str | None = None,
        max_hold: float | None = None,
    ) -> _T: ...
    @property
    def handed_over(self) -> AioHandedOver: ...
    def _take_handed_over(self) -> AioGuard | None: ...
    def _watch_handed_over(self) -> Lost: ...
    async def close(self) -> int: ...
    async def __aenter__(self) -> Self: ...
    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> None: ...
    def _close(self) -> int: ...

@final
class HandedOver:
    def __iter__(self) -> Self: ...
    def __next__(self) -> Guard: ...

@final
class Lost:
    def is_set(self) -> bool: ...
    def wait(self, timeout: float | None = None) -> bool: ...
    def _tell(self, call: Callable[[], object]) -> bool: ...

@final
class ManualClock:
    def __new__(cls) -> Self: ...
    @property
    def now(self) -> float: ...
    def advance(self, seconds: float) -> None: ...

def _after_fork() -> None: ...
def _error_classes() -> dict[str, type[LatchworkError]]: ...
def _encode_key(key: Key) -> bytes: ...
def _decode_key(encoded: bytes) -> Key: ...
