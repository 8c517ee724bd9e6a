"""What the runtime logs, each record with the operation and the job it is about."""

from __future__ import annotations

import logging
from contextlib import suppress

_logger = logging.getLogger("spacely_runtime")


def log(level: int, message: str, *, operation: str, job_id: str | None) -> None:
    """Write a record; its attributes ``operation`` and ``job_id`` say what it is about.

    Args:
        level: One of ``logging``'s.
        message: What happened; it holds no key.
        operation: The operationId.
        job_id: The job's id, or None as long as none is known.
    """
    about = f"operation {operation}" if job_id is None else f"operation {operation}, job {job_id}"
    # Handlers report their own mistakes; a filter's would end the call, and what it had just paid for would be lost.
    with suppress(Exception):
        _logger.log(level, "%s [%s]", message, about, extra={"operation": operation, "job_id": job_id})
