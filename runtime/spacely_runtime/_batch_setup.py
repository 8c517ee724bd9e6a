"""How a batch is made from what a caller gives, and run from synchronous code."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path

from . import errors
from ._batch import Batch, BatchOptions
from ._defaults import BATCH_ROWS, BATCH_THREADS, BATCH_TICK_SECONDS, MOST_BATCH_ROWS
from ._port import Port
from ._report import BatchProgress, BatchReport
from ._rows import Source, read_rows


def prepare(
    port: Port,
    source: Source,
    output: str | Path,
    *,
    operation: str | None,
    credits: int | None,
    concurrency: int | None,
    timeout: float | None,
    retry_uncertain: bool,
    on_progress: Callable[[BatchProgress], object] | None,
) -> Batch:
    """Read and check all that a batch is made of; nothing is written or sent. See ``SyncClient.batch``."""
    name = _submit_operation(port, operation)
    if credits is not None and credits < 0:
        raise errors.ConfigurationError(f"credits={credits!r}: give 0 or a number greater than 0")
    if concurrency is not None and concurrency < 1:
        raise errors.ConfigurationError(f"concurrency={concurrency!r}: give a number greater than 0")
    if timeout is not None and not timeout >= 0:
        raise errors.ConfigurationError(f"timeout={timeout!r}: give the seconds to wait for each job, 0 or more")
    return Batch(
        port,
        read_rows(source, port.operations[name], port.secret),
        BatchOptions(
            operation=name,
            directory=Path(output),
            credit_limit=credits,
            concurrency=concurrency or _rows_in_hand(port),
            timeout=timeout,
            retry_uncertain=retry_uncertain,
            on_progress=on_progress or (lambda _: None),
        ),
    )


def _submit_operation(port: Port, given: str | None) -> str:
    submits = [name for name, operation in port.operations.items() if operation.polling is not None]
    if given is None and len(submits) == 1:
        return submits[0]
    if given is None or given not in submits:
        what = "It has to be said which operation is called" if given is None else f"{given!r} starts no job"
        raise errors.ConfigurationError(f"{what}; name one of: {', '.join(submits) or '(none starts a job)'}")
    return given


def _rows_in_hand(port: Port) -> int:
    """So many jobs that the rate limit is used up, and no more polls fall due than it allows.

    Where the client learns how long jobs take, it paces submits and polls itself; a fixed interval between polls leaves
    half of the limit to them.
    """
    if port.rate_limit is None:
        return BATCH_ROWS
    if port.poll_interval is None:
        return MOST_BATCH_ROWS
    calls_a_second = port.rate_limit.calls / port.rate_limit.seconds
    return max(1, min(round(calls_a_second * port.poll_interval / 2), MOST_BATCH_ROWS))


def run_in_own_loop(batch: Batch) -> BatchReport:
    """Run a batch from synchronous code, in a thread of its own, since the caller's may have a loop that runs.

    Raises:
        KeyboardInterrupt: It came, and the batch has noted everything and stopped.
    """

    async def run() -> BatchReport:
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(BATCH_THREADS, thread_name_prefix="call"))
        return await batch.run()

    with ThreadPoolExecutor(1, thread_name_prefix="batch") as thread:
        running = thread.submit(lambda: asyncio.run(run()))
        try:
            while not running.done():
                wait([running], timeout=BATCH_TICK_SECONDS)  # Not for ever: on Windows no Ctrl-C would end it.
            return running.result()
        except KeyboardInterrupt:
            batch.stop()
            running.result()
            raise
