"""The runtime that generated clients import: transport, jobs, errors. It knows no operation of any API."""

from ._budget import RateLimit
from ._client import AsyncClient, SyncClient
from ._jobs import AsyncJob, Job, JobUpdate
from ._operation import Answer, Key, Operation, Polling, Reply, Validator
from ._report import BatchProgress, BatchReport, BatchRow
from .types import UNSET, Unset

__all__ = [
    "UNSET",
    "Answer",
    "AsyncClient",
    "AsyncJob",
    "BatchProgress",
    "BatchReport",
    "BatchRow",
    "Job",
    "JobUpdate",
    "Key",
    "Operation",
    "Polling",
    "RateLimit",
    "Reply",
    "SyncClient",
    "Unset",
    "Validator",
]
