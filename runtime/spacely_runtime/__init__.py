"""The runtime that generated clients import: transport, jobs, errors. It knows no operation of any API."""

from ._budget import RateLimit
from ._client import AsyncClient, SyncClient
from ._jobs import AsyncJob, Job, JobUpdate
from ._operation import Answer, Key, Operation, Polling, Reply, Validator
from ._raw import RawCalls, RawResponse, returning_raw, returning_raw_async
from ._report import BatchProgress, BatchReport, BatchRow
from .hooks import CallEvent, Hook, LoggingHook, RequestEvent, ResponseEvent, WaitEvent
from .types import UNSET, Unset

__all__ = [
    "UNSET",
    "Answer",
    "AsyncClient",
    "AsyncJob",
    "BatchProgress",
    "BatchReport",
    "BatchRow",
    "CallEvent",
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
