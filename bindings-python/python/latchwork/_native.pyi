"""The types of the compiled module. Use the names of `latchwork`, `latchwork.aio` and `latchwork.testing`."""

from asyncio import Future
from collections.abc import Awaitable, Callable, Iterable
from types import GenericAlias, TracebackType
from typing import Any, Generic, Literal, NoReturn, TypeAlias, TypeVar, final, overload

from typing_extensions import Self, disjoint_base

from .aio_mutex import Mutex as AioMutex
from .answer import Delete, Keep
from .codec import CodecOption
from .errors import LatchworkError
from .handed_over import HandedOver as AioHandedOver
from .handed_over import Lost as AioLost
from .keys import Key
from .lock_request import LockRequest
from .mutex import Mutex
from .query import HandOver, Query
from .turn import Turn

__all__ = [
    "AioAtomic",
    "AioCall",
    "AioGuard",
    "AioOwner",
    "AioSpace",
    "AioTransaction",
    "AioWatch",
    "Atomic",
    "CellConflict",
    "Committed",
    "Conflicted",
    "Deleted",
    "Entry",
    "Guard",
    "HandedOver",
    "Inserted",
    "Lost",
    "ManualClock",
    "Owner",
    "Refused",
    "Space",
    "Transaction",
    "Updated",
    "Watch",
    "Written",
    "__version__",
    "_after_fork",
    "_decode_key",
    "_encode_key",
    "_error_classes",
]

__version__: str

_T = TypeVar("_T")
_T_co = TypeVar("_T_co", covariant=True)
_Mode: TypeAlias = Literal["exclusive", "shared"]
_AnyOwner: TypeAlias = Owner | AioOwner
_AnyGuard: TypeAlias = Guard | AioGuard
# The classes have a method of that name.
_Entries: TypeAlias = list[Entry]
_Keys: TypeAlias = list[Key]

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
        codec: CodecOption = "cbor",
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
    def within(self, key: Key) -> Space: ...
    def owner(self, label: str | None = None) -> Owner: ...
    def mutex(self, key: Key) -> Mutex: ...
    def revoke(self, *keys: Key | Turn) -> int: ...
    def query(self, *keys: Key | Turn) -> Query: ...
    def get(self, key: Key) -> Entry: ...
    def get_many(self, *keys: Key) -> _Entries: ...
    def set(
        self, key: Key, value: object, *, expire_in: float | None = None, guard: _AnyGuard | None = None
    ) -> Written: ...
    def insert(
        self, key: Key, value: object, *, expire_in: float | None = None, guard: _AnyGuard | None = None
    ) -> Written | Refused: ...
    @overload
    def compare_exchange(
        self, key: Entry, value: object, *, expire_in: float | None = None, guard: _AnyGuard | None = None
    ) -> Written | Refused: ...
    @overload
    def compare_exchange(
        self,
        key: Key,
        value: object,
        *,
        version: int | None = None,
        expire_in: float | None = None,
        guard: _AnyGuard | None = None,
    ) -> Written | Refused: ...
    @overload
    def delete(self, key: Entry, *, guard: _AnyGuard | None = None) -> Deleted | Refused: ...
    @overload
    def delete(self, key: Key, *, guard: _AnyGuard | None = None) -> Deleted: ...
    @overload
    def delete(self, key: Key, *, version: int | None = None, guard: _AnyGuard | None = None) -> Deleted | Refused: ...
    def atomic(self) -> Atomic: ...
    def update(
        self,
        key: Key,
        fn: Callable[[Any, Entry], object | Keep | Delete],
        *,
        expire_in: float | Keep | None = ...,
        guard: _AnyGuard | None = None,
        guard_keys: Iterable[Key] | None = None,
        owner: _AnyOwner | None = None,
        attempts: int | None = None,
        timeout: float | None = None,
        label: str | None = None,
    ) -> Updated: ...
    def transact(
        self,
        fn: Callable[[Transaction], _T],
        *,
        guard: _AnyGuard | None = None,
        guard_keys: Iterable[Key] | None = None,
        owner: _AnyOwner | None = None,
        attempts: int | None = None,
        timeout: float | None = None,
        label: str | None = None,
    ) -> Committed[_T]: ...
    def list(
        self,
        *,
        prefix: Key | None = None,
        start: Key | None = None,
        end: Key | None = None,
        limit: int | None = None,
        reverse: bool = False,
    ) -> _Entries: ...
    def delete_all(
        self,
        *,
        prefix: Key | None = None,
        start: Key | None = None,
        end: Key | None = None,
        except_: Iterable[Key] = (),
    ) -> _Keys: ...
    def watch(self, *keys: Key, prefix: Key | None = None) -> Watch: ...
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
        codec: CodecOption = "cbor",
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
    def within(self, key: Key) -> AioSpace: ...
    def owner(self, label: str | None = None) -> AioOwner: ...
    def mutex(self, key: Key) -> AioMutex: ...
    async def revoke(self, *keys: Key | Turn) -> int: ...
    def _revoke(self, keys: tuple[Key | Turn, ...]) -> int: ...
    async def query(self, *keys: Key | Turn) -> Query: ...
    async def get(self, key: Key) -> Entry: ...
    async def get_many(self, *keys: Key) -> _Entries: ...
    async def set(
        self, key: Key, value: object, *, expire_in: float | None = None, guard: _AnyGuard | None = None
    ) -> Written: ...
    async def insert(
        self, key: Key, value: object, *, expire_in: float | None = None, guard: _AnyGuard | None = None
    ) -> Written | Refused: ...
    @overload
    async def compare_exchange(
        self, key: Entry, value: object, *, expire_in: float | None = None, guard: _AnyGuard | None = None
    ) -> Written | Refused: ...
    @overload
    async def compare_exchange(
        self,
        key: Key,
        value: object,
        *,
        version: int | None = None,
        expire_in: float | None = None,
        guard: _AnyGuard | None = None,
    ) -> Written | Refused: ...
    @overload
    async def delete(self, key: Entry, *, guard: _AnyGuard | None = None) -> Deleted | Refused: ...
    @overload
    async def delete(self, key: Key, *, guard: _AnyGuard | None = None) -> Deleted: ...
    @overload
    async def delete(
        self, key: Key, *, version: int | None = None, guard: _AnyGuard | None = None
    ) -> Deleted | Refused: ...
    def atomic(self) -> AioAtomic: ...
    async def update(
        self,
        key: Key,
        fn: Callable[[Any, Entry], object | Keep | Delete | Awaitable[object | Keep | Delete]],
        *,
        expire_in: float | Keep | None = ...,
        guard: _AnyGuard | None = None,
        guard_keys: Iterable[Key] | None = None,
        owner: _AnyOwner | None = None,
        attempts: int | None = None,
        timeout: float | None = None,
        label: str | None = None,
    ) -> Updated: ...
    @overload
    async def transact(
        self,
        fn: Callable[[AioTransaction], Awaitable[_T]],
        *,
        guard: _AnyGuard | None = None,
        guard_keys: Iterable[Key] | None = None,
        owner: _AnyOwner | None = None,
        attempts: int | None = None,
        timeout: float | None = None,
        label: str | None = None,
    ) -> Committed[_T]: ...
    @overload
    async def transact(
        self,
        fn: Callable[[AioTransaction], _T],
        *,
        guard: _AnyGuard | None = None,
        guard_keys: Iterable[Key] | None = None,
        owner: _AnyOwner | None = None,
        attempts: int | None = None,
        timeout: float | None = None,
        label: str | None = None,
    ) -> Committed[_T]: ...
    def _update(
        self,
        key: Key,
        function: Callable[[Any, Entry], object],
        expire_in: float | Keep | None,
        guard: _AnyGuard | None = None,
        guard_keys: Iterable[Key] | None = None,
        owner: _AnyOwner | None = None,
        attempts: int | None = None,
        timeout: float | None = None,
        label: str | None = None,
    ) -> Updated | AioCall: ...
    def _transact(
        self,
        function: Callable[[AioTransaction], object],
        guard: _AnyGuard | None = None,
        guard_keys: Iterable[Key] | None = None,
        owner: _AnyOwner | None = None,
        attempts: int | None = None,
        timeout: float | None = None,
        label: str | None = None,
    ) -> Committed[Any] | AioCall: ...
    async def list(
        self,
        *,
        prefix: Key | None = None,
        start: Key | None = None,
        end: Key | None = None,
        limit: int | None = None,
        reverse: bool = False,
    ) -> _Entries: ...
    async def delete_all(
        self,
        *,
        prefix: Key | None = None,
        start: Key | None = None,
        end: Key | None = None,
        except_: Iterable[Key] = (),
    ) -> _Keys: ...
    def watch(self, *keys: Key, prefix: Key | None = None) -> AioWatch: ...
    def _get(self, key: Key) -> Entry: ...
    def _get_many(self, keys: tuple[Key, ...]) -> _Entries: ...
    def _set(
        self, key: Key, value: object, expire_in: float | None = None, guard: _AnyGuard | None = None
    ) -> Written: ...
    def _insert(
        self, key: Key, value: object, expire_in: float | None = None, guard: _AnyGuard | None = None
    ) -> Written | Refused: ...
    def _compare_exchange(
        self,
        key: Key | Entry,
        value: object,
        version: int | None = None,
        expire_in: float | None = None,
        guard: _AnyGuard | None = None,
    ) -> Written | Refused: ...
    def _delete(
        self, key: Key | Entry, version: int | None = None, guard: _AnyGuard | None = None
    ) -> Deleted | Refused: ...
    def _list(
        self,
        prefix: Key | None = None,
        start: Key | None = None,
        end: Key | None = None,
        limit: int | None = None,
        reverse: bool | None = None,
    ) -> _Entries: ...
    def _delete_all(
        self,
        prefix: Key | None = None,
        start: Key | None = None,
        end: Key | None = None,
        except_: Iterable[Key] | None = None,
    ) -> _Keys: ...
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
    def _query(self, keys: tuple[Key | Turn, ...]) -> Query: ...
    def _close(self) -> None: ...
    def _check_whole(self) -> None: ...

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
class Entry:
    __match_args__ = ("key", "value", "version", "expires_in")
    @property
    def key(self) -> Key: ...
    @property
    def value(self) -> Any: ...
    @property
    def version(self) -> int: ...
    @property
    def expires_in(self) -> float | None: ...
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...

@final
class Written:
    __match_args__ = ("version",)
    @property
    def ok(self) -> Literal[True]: ...
    @property
    def version(self) -> int: ...
    def __bool__(self) -> Literal[True]: ...
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...

@final
class Deleted:
    __match_args__ = ("existed",)
    @property
    def ok(self) -> Literal[True]: ...
    @property
    def existed(self) -> bool: ...
    def __bool__(self) -> Literal[True]: ...
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...

@final
class Refused:
    __match_args__ = ("entry",)
    @property
    def ok(self) -> Literal[False]: ...
    @property
    def entry(self) -> Entry: ...
    def __bool__(self) -> Literal[False]: ...

@final
class Conflicted:
    __match_args__ = ("conflicts",)
    @property
    def ok(self) -> Literal[False]: ...
    @property
    def conflicts(self) -> tuple[CellConflict, ...]: ...
    def __bool__(self) -> Literal[False]: ...

@final
class CellConflict:
    __match_args__ = ("key", "expected", "entry")
    @property
    def key(self) -> Key: ...
    @property
    def expected(self) -> int: ...
    @property
    def entry(self) -> Entry: ...

@final
class Atomic:
    @overload
    def check(self, key: Entry) -> Self: ...
    @overload
    def check(self, key: Key, version: int | None = None) -> Self: ...
    def set(self, key: Key, value: object, *, expire_in: float | None = None) -> Self: ...
    def insert(self, key: Key, value: object, *, expire_in: float | None = None) -> Self: ...
    def delete(self, key: Key) -> Self: ...
    def guard(self, guard: _AnyGuard, *keys: Key) -> Self: ...
    def commit(self) -> Written | Conflicted: ...

@final
class AioAtomic:
    @overload
    def check(self, key: Entry) -> Self: ...
    @overload
    def check(self, key: Key, version: int | None = None) -> Self: ...
    def set(self, key: Key, value: object, *, expire_in: float | None = None) -> Self: ...
    def insert(self, key: Key, value: object, *, expire_in: float | None = None) -> Self: ...
    def delete(self, key: Key) -> Self: ...
    def guard(self, guard: _AnyGuard, *keys: Key) -> Self: ...
    async def commit(self) -> Written | Conflicted: ...
    def _commit(self) -> Written | Conflicted: ...

@final
class Updated:
    __match_args__ = ("value", "version", "attempts", "changed")
    @property
    def value(self) -> Any: ...
    @property
    def version(self) -> int: ...
    @property
    def attempts(self) -> int: ...
    @property
    def changed(self) -> bool: ...

@final
class Committed(Generic[_T_co]):
    __match_args__ = ("value", "version", "attempts")
    def __class_getitem__(cls, key: Any) -> GenericAlias: ...
    @property
    def value(self) -> _T_co: ...
    @property
    def version(self) -> int: ...
    @property
    def attempts(self) -> int: ...

@final
class Inserted:
    @property
    def ok(self) -> Literal[True]: ...
    def __bool__(self) -> Literal[True]: ...
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...

@final
class Transaction:
    @property
    def attempt(self) -> int: ...
    def get(self, key: Key) -> Entry: ...
    def get_many(self, *keys: Key) -> _Entries: ...
    def set(self, key: Key, value: object, *, expire_in: float | Keep | None = ...) -> None: ...
    def insert(self, key: Key, value: object, *, expire_in: float | None = None) -> Inserted | Refused: ...
    def delete(self, key: Key) -> None: ...
    def list(
        self,
        *,
        prefix: Key | None = None,
        start: Key | None = None,
        end: Key | None = None,
        limit: int | None = None,
        reverse: bool = False,
    ) -> _Entries: ...
    def transact(self, fn: Callable[[Transaction], _T]) -> _T: ...
    def abort(self, reason: object = None) -> NoReturn: ...
    def retry(self) -> NoReturn: ...
    def on_commit(self, fn: Callable[[], object]) -> None: ...

@final
class AioTransaction:
    @property
    def attempt(self) -> int: ...
    async def get(self, key: Key) -> Entry: ...
    async def get_many(self, *keys: Key) -> _Entries: ...
    async def set(self, key: Key, value: object, *, expire_in: float | Keep | None = ...) -> None: ...
    async def insert(self, key: Key, value: object, *, expire_in: float | None = None) -> Inserted | Refused: ...
    async def delete(self, key: Key) -> None: ...
    async def list(
        self,
        *,
        prefix: Key | None = None,
        start: Key | None = None,
        end: Key | None = None,
        limit: int | None = None,
        reverse: bool = False,
    ) -> _Entries: ...
    @overload
    async def transact(self, fn: Callable[[AioTransaction], Awaitable[_T]]) -> _T: ...
    @overload
    async def transact(self, fn: Callable[[AioTransaction], _T]) -> _T: ...
    def abort(self, reason: object = None) -> NoReturn: ...
    def retry(self) -> NoReturn: ...
    def on_commit(self, fn: Callable[[], object]) -> None: ...
    def _get(self, key: Key) -> Entry: ...
    def _get_many(self, keys: tuple[Key, ...]) -> _Entries: ...
    def _set(self, key: Key, value: object, expire_in: float | Keep | None) -> None: ...
    def _insert(self, key: Key, value: object, expire_in: float | None = None) -> Inserted | Refused: ...
    def _delete(self, key: Key) -> None: ...
    def _list(
        self,
        prefix: Key | None = None,
        start: Key | None = None,
        end: Key | None = None,
        limit: int | None = None,
        reverse: bool | None = None,
    ) -> _Entries: ...
    def _is_awaitable(self, answer: object) -> bool: ...
    def _enter(self) -> AioTransaction: ...
    def _leave(self, raised: BaseException | None = None) -> None: ...

@final
class AioCall:
    @property
    def body(self) -> Awaitable[Any] | None: ...
    @property
    def future(self) -> Future[None] | None: ...
    @property
    def result(self) -> Any: ...
    def _returned(self, answer: object) -> None: ...
    def _threw(self, error: BaseException) -> None: ...
    def _go_on(self) -> None: ...
    def _interrupt(self) -> None: ...
    def _cancel(self) -> None: ...

@final
class Watch:
    def __iter__(self) -> Self: ...
    def __next__(self) -> list[Entry]: ...
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
class AioWatch:
    def __aiter__(self) -> Self: ...
    async def __anext__(self) -> list[Entry]: ...
    async def aclose(self) -> None: ...
    async def __aenter__(self) -> Self: ...
    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> None: ...
    def _step(self) -> list[Entry] | Future[None]: ...
    def _forget(self, future: Future[None]) -> None: ...
    def _close(self) -> None: ...

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
