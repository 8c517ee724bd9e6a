"""What a batch needs of a client, whichever of the two it is."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ._budget import RateLimit
from ._jobs import AnyJob, AsyncJob
from ._operation import Operation
from ._secret import Secret


@dataclass(frozen=True, slots=True)
class Port:
    """A client's settings and calls, asynchronous in any case.

    Attributes:
        operations: The operations, by name.
        base_url: Where the calls go.
        secret: The API key.
        rate_limit: What the client keeps to.
        poll_interval: Seconds between polls where the caller set them.
        submit: Submits: the operation's name, its arguments, the body.
        resume: Takes a job up again: the operation's name, the job's id.
        download: Fetches a file: the URL, the path, the job it is of.
        calls: How many calls the client has made.
    """

    operations: Mapping[str, Operation]
    base_url: str
    secret: Secret | None
    rate_limit: RateLimit | None
    poll_interval: float | None
    submit: Callable[[str, Mapping[str, Any], Any], Awaitable[AsyncJob[Any]]]
    resume: Callable[[str, str], AsyncJob[Any]]
    download: Callable[[str, Path, AnyJob], Awaitable[Path]]
    calls: Callable[[], int]
