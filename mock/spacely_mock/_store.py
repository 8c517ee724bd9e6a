"""The store that a URL names."""

from __future__ import annotations

import asyncio
from urllib.parse import urlsplit

from ._state import State, StateUnavailableError

_SCHEMES = ("redis", "rediss", "unix")


class StoreError(ValueError):
    """A store cannot be used, or there would have to be one; the message says why."""


def open_store(url: str, entries: int) -> State:
    """The store at a URL. It is connected to when it is first needed, and may come and go.

    Args:
        url: Such as ``redis://localhost:6379/0``.
        entries: About the most lines that its journal keeps.

    Raises:
        StoreError: The URL is none of a store, or what speaks to it is not installed.
    """
    if urlsplit(url).scheme not in _SCHEMES:
        raise StoreError("--store wants a URL such as redis://localhost:6379/0")
    try:
        from ._redis import RedisState
    except ImportError as error:
        raise StoreError("--store needs redis-py; install spacely-client[redis]") from error
    try:
        return RedisState(url, entries)
    except ValueError as error:
        raise StoreError(f"--store: {error}") from error


def trouble_with(url: str) -> str | None:
    """What keeps the store at a URL from answering, as a sentence; None where it answers.

    Args:
        url: As for open_store.
    """

    async def ask() -> str | None:
        store = open_store(url, 0)
        try:
            await store.version()
        except StateUnavailableError as error:
            return str(error)
        finally:
            await store.close()
        return None

    return asyncio.run(ask())
