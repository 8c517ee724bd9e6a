"""The runtime that generated clients import: transport, jobs, errors. It knows no operation of any API."""

from typing import TYPE_CHECKING, Any, Final

from ._budget import RateLimit
from ._client import AsyncClient, SyncClient
from ._jobs import AsyncJob, Job
from ._operation import Answer, Key, Operation, Polling, Reply, Validator
from ._wait import JobUpdate
from .types import UNSET, Unset

if TYPE_CHECKING:
    from ._progress import DownloadProgress
    from ._raw import RawCalls, RawResponse, returning_raw, returning_raw_async
    from ._report import BatchProgress, BatchReport, BatchRow
    from .hooks import (
        CallEvent,
        DownloadAttemptEvent,
        DownloadEvent,
        Hook,
        LoggingHook,
        RequestEvent,
        ResponseEvent,
        WaitEvent,
    )

__all__ = [
    "UNSET",
    "Answer",
    "AsyncClient",
    "AsyncJob",
    "BatchProgress",
    "BatchReport",
    "BatchRow",
    "CallEvent",
    "DownloadAttemptEvent",
    "DownloadEvent",
    "DownloadProgress",
    "Hook",
    "Job",
    "JobUpdate",
    "Key",
    "LoggingHook",
    "Operation",
    "Polling",
    "RateLimit",
    "RawCalls",
    "RawResponse",
    "Reply",
    "RequestEvent",
    "ResponseEvent",
    "SyncClient",
    "Unset",
    "Validator",
    "WaitEvent",
    "returning_raw",
    "returning_raw_async",
]

# Imported when they are first asked for: most programs do without.
LATE_HOMES: Final = {
    **dict.fromkeys(("RawCalls", "RawResponse", "returning_raw", "returning_raw_async"), "._raw"),
    **dict.fromkeys(("BatchProgress", "BatchReport", "BatchRow"), "._report"),
    "DownloadProgress": "._progress",
    **dict.fromkeys(
        (
            "CallEvent",
            "DownloadAttemptEvent",
            "DownloadEvent",
            "Hook",
            "LoggingHook",
            "RequestEvent",
            "ResponseEvent",
            "WaitEvent",
        ),
        ".hooks",
    ),
}

if not TYPE_CHECKING:  # A type checker would take every name for one that is there.

    def __getattr__(name: str) -> Any:
        if name not in LATE_HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from importlib import import_module

        return getattr(import_module(LATE_HOMES[name], __name__), name)
