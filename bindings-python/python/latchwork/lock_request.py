"""What `lock` of the asyncio API answers, before it is awaited."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Coroutine, Generator
from types import TracebackType
from typing import Any

from ._native import AioGuard

__all__ = ["LockRequest"]


class LockRequest(Coroutine[Any, Any, AioGuard]):
    """A call of `lock` that can be awaited, once, for its guard.

    It joins the queues of its keys at its first step: at `await`, at `async with`, or when the task made of it first
    runs. Until then it holds nothing. It is a coroutine to asyncio: `create_task`, `gather`, `wait_for` and `shield`
    take it as it is.

    Prefer ``async with space.lock(...) as guard``.

    At run time the very object becomes the guard, since making a second one costs a tenth of an uncontended lock. So
    ``isinstance(request, LockRequest)`` is true also of a guard, and the class is not made by hand.
    """

    @abstractmethod
    def __await__(self) -> Generator[Any, Any, AioGuard]:
        """Wait for the guard."""
        raise NotImplementedError

    @abstractmethod
    def __iter__(self) -> Generator[Any, Any, AioGuard]:
        """Wait for the guard, as ``yield from`` does."""
        raise NotImplementedError

    @abstractmethod
    def send(self, value: Any, /) -> Any:
        """Go on with the call: the first time it joins, later it looks whether the wait is over."""
        raise NotImplementedError

    @abstractmethod
    def throw(
        self,
        typ: type[BaseException] | BaseException,
        val: BaseException | object = None,
        tb: TracebackType | None = None,
        /,
    ) -> Any:
        """Give the call up and raise the exception."""
        raise NotImplementedError

    @abstractmethod
    def close(self) -> None:
        """Give the call up if it waits. A lock that is held stays so until it is released."""
        raise NotImplementedError

    @abstractmethod
    async def __aenter__(self) -> AioGuard:
        """Wait for the guard."""
        raise NotImplementedError

    @abstractmethod
    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> None:
        """Release the lock if it is still held."""
        raise NotImplementedError


LockRequest.register(AioGuard)
