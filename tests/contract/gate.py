"""The whole of what is checked, by target: a mock, a server at a URL, the generated client."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import httpx

from spacely_mock import MockServer, create_app
from spacely_spec import Spec

from . import credentials
from .answers import Answers
from .authentication import check_keys
from .client_answers import check_broken_answers, check_statuses, check_transport, check_valid_answers
from .client_downloads import check_downloads
from .client_jobs import check_waits
from .client_requests import Inputs, Subject, check_refusals, check_requests
from .client_retries import check_retries
from .clients import Prepare, open_client
from .edges import check_edges
from .files import check_files
from .forced import check_forced, check_served_contract
from .jobs import check_jobs
from .limits import check_limits
from .malformed import check_malformed
from .phases import run_phases
from .report import Report
from .routing import check_routing
from .server import Clock, NoAnswer, Server, Timing

Part: TypeAlias = Callable[[Server], None]
ClientPart: TypeAlias = Callable[[Subject], None]

ANY_SERVER: tuple[Part, ...] = (check_keys, check_jobs, check_malformed, run_phases)
PARTS: tuple[Part, ...] = (
    *ANY_SERVER,
    check_edges,
    check_routing,
    check_files,
    check_limits,
    check_forced,
    check_served_contract,
)
CLIENT_PARTS: tuple[ClientPart, ...] = (
    check_requests,
    check_refusals,
    check_waits,
    check_retries,
    check_downloads,
    check_valid_answers,
    check_broken_answers,
    check_statuses,
    check_transport,
)
RENDER_TIME = 2.0


class CannotRun(Exception):
    """Nothing can be said about the target; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Options:
    """What a run depends on besides its target.

    Attributes:
        seed: What the generated data depends on.
        examples: How many examples are made of each operation in each phase.
    """

    seed: int = 1
    examples: int = 20


def check_app(
    spec: Spec, options: Options, make_app: Callable[..., Any] = create_app, parts: Sequence[Part] = PARTS
) -> Report:
    """Hold a mock to a contract in process.

    Args:
        spec: The contract.
        options: Seed and size of the run.
        make_app: Makes the ASGI application, as ``spacely_mock.create_app`` does.
        parts: What to check.

    Returns:
        What was found.
    """
    key, clock = credentials.made_up_key(options.seed), Clock()
    settings: Any = {"render_time": RENDER_TIME, "seed": options.seed, "api_keys": (key,), "clock": clock}
    app = make_app(spec, **settings)
    limited = make_app(spec, **settings, rate_limit=True) if spec.rate_limit else None
    report = Report("mock, in process", str(spec.path), options.seed, (key,))
    timing = Timing(clock, RENDER_TIME)
    server = Server(spec, key, report, app=app, limited=limited, timing=timing, examples=options.examples)
    return _check(server, parts)


def check_http(spec: Spec, options: Options) -> Report:
    """Hold the mock to a contract over a socket of this machine.

    Args:
        spec: The contract.
        options: Seed and size of the run.

    Returns:
        What was found.
    """
    key, clock = credentials.made_up_key(options.seed), Clock()
    with MockServer(spec, render_time=RENDER_TIME, seed=options.seed, api_keys=(key,), clock=clock) as mock:
        report = Report("mock, over HTTP", str(spec.path), options.seed, (key,))
        server = Server(
            spec,
            key,
            report,
            base_url=mock.url,
            timing=Timing(clock, RENDER_TIME),
            examples=options.examples,
        )
        return _check(server, PARTS)


def check_url(spec: Spec, options: Options, base_url: str, key: str) -> Report:
    """Hold a running server to a contract.

    Args:
        spec: The contract.
        options: Seed and size of the run.
        base_url: Where the paths of the contract begin.
        key: A key that the server takes.

    Returns:
        What was found.

    Raises:
        CannotRun: No server answers there.
    """
    try:
        httpx.get(base_url, timeout=10)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise CannotRun(f"no server answers at {base_url} ({error}); start one, or correct the URL") from error
    report = Report(base_url, str(spec.path), options.seed, (key,))
    server = Server(spec, key, report, base_url=base_url.rstrip("/"), examples=options.examples)
    return _check(server, ANY_SERVER)


def check_client(
    spec: Spec,
    options: Options,
    folder: Path | None = None,
    prepare: Prepare | None = None,
    parts: Sequence[ClientPart] = CLIENT_PARTS,
) -> Report:
    """Hold the generated client that is on the path to a contract.

    Args:
        spec: The contract.
        options: Seed and size of the run.
        folder: Where the package must be; None takes whichever is on the path.
        prepare: Changes a class of the client before it is used, as a seeded fault does; None changes nothing.
        parts: What to check.

    Returns:
        What was found.
    """
    key = credentials.made_up_key(options.seed)
    report = Report("client", str(spec.path), options.seed, (key,))
    inputs, answers = Inputs(spec, options.seed), Answers(spec, options.seed)
    with (
        timed(report),
        open_client(spec, key, folder, prepare) as client,
        open_client(spec, key, folder, prepare, retrying=True) as retrying,
    ):
        subject = Subject(client, retrying, inputs, answers, report, options.examples)
        for part in parts:
            part(subject)
    return report


def _check(server: Server, parts: Sequence[Part]) -> Report:
    with timed(server.report):
        for part in parts:
            try:
                part(server)
            except NoAnswer:
                continue  # The report has it; the other parts may still find more.
    return server.report


@contextmanager
def timed(report: Report) -> Iterator[None]:
    """Measure how long the body takes, for the report."""
    start = time.monotonic()
    try:
        yield
    finally:
        report.seconds = time.monotonic() - start
