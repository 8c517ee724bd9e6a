"""The whole of what is checked, by target: a mock, a server at a URL, the generated client."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import requests

from spacely_mock import MockServer, create_app
from spacely_spec import Spec

from . import client_answers, client_requests, credentials, forced, phases
from .answers import Answers
from .authentication import check_keys
from .budget import Budget, BudgetSpent
from .client_answers import check_broken_answers, check_statuses, check_transport, check_valid_answers
from .client_downloads import check_downloads
from .client_jobs import check_waits
from .client_requests import Inputs, Subject, check_refusals, check_requests
from .client_retries import check_retries
from .clients import Prepare, open_client
from .deadline import exchanges_end
from .edges import check_edges
from .files import check_files
from .forced import check_forced, check_served_contract
from .jobs import check_jobs
from .limits import check_limits
from .malformed import check_malformed
from .phases import Unfinished, run_phases
from .redaction import redact, userinfo
from .replay import Replay
from .report import Report
from .routing import check_routing
from .server import Clock, NoAnswer, Server, Timing

Part: TypeAlias = Callable[[Server], None]
ClientPart: TypeAlias = Callable[[Subject], None]

# What takes longest comes last: what is spent by then has told the most.
ANY_SERVER: tuple[Part, ...] = (check_keys, check_jobs, check_malformed, run_phases)
PARTS: tuple[Part, ...] = (
    check_keys,
    check_jobs,
    check_malformed,
    check_served_contract,
    check_routing,
    check_forced,
    check_limits,
    check_files,
    check_edges,
    run_phases,
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
# What parts call themselves in a report that do not go by the PHASE of their module.
_PHASES: Mapping[Callable[..., None], Sequence[str]] = {
    run_phases: [*phases.PHASES, phases.RUN],
    check_served_contract: [forced.SERVED],
    check_requests: [client_requests.REQUESTS],
    check_refusals: [client_requests.REFUSALS],
    check_valid_answers: [client_answers.VALID],
    check_broken_answers: [client_answers.BROKEN],
    check_statuses: [client_answers.STATUSES],
    check_transport: [client_answers.TRANSPORT],
}
RENDER_TIME = 2.0


class CannotRun(Exception):
    """Nothing can be said about the target; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Options:
    """What a run depends on besides its target.

    Attributes:
        seed: What the generated data depends on.
        examples: How many examples are made of each operation in each phase.
        budget: What the run may spend.
        replay: The one violation to look for; None looks for all there are.
        until: Checks that end the run when all of them have told a violation; none runs everything.
    """

    seed: int = 1
    examples: int = 20
    budget: Budget = field(default_factory=Budget)
    replay: Replay | None = None
    until: frozenset[str] = frozenset()


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
    report = Report("mock, in process", str(spec.path), options.seed, (key,), options.budget)
    timing = Timing(clock, RENDER_TIME)
    return _check_server(spec, key, report, options, parts, app=app, limited=limited, timing=timing)


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
        report = Report("mock, over HTTP", str(spec.path), options.seed, (key,), options.budget)
        timing = Timing(clock, RENDER_TIME)
        return _check_server(spec, key, report, options, PARTS, base_url=mock.url, timing=timing)


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
    secrets = (key, *userinfo(base_url))
    report = Report(redact(base_url, ()), str(spec.path), options.seed, secrets, options.budget)
    with exchanges_end(options.budget):
        try:
            requests.get(base_url, timeout=10, allow_redirects=False)
        except requests.RequestException as error:
            if not options.budget.out_of_time:
                raise CannotRun(f"no server answers at {base_url} ({error}); start one, or correct the URL") from error
        return _check_server(spec, key, report, options, ANY_SERVER, base_url=base_url.rstrip("/"))


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
    report = Report("client", str(spec.path), options.seed, (key,), options.budget)
    looked_at = options.replay.narrowed(spec) if options.replay else spec
    inputs, answers = Inputs(looked_at, options.seed), Answers(looked_at, options.seed)
    with (
        timed(report),
        open_client(looked_at, key, folder, prepare) as client,
        open_client(looked_at, key, folder, prepare, retrying=True) as retrying,
    ):
        subject = Subject(client, retrying, inputs, answers, report, options.examples)
        _run(subject, report, parts, options)
    return report


def _check_server(
    spec: Spec, key: str, report: Report, options: Options, parts: Sequence[Part], **reached: Any
) -> Report:
    looked_at = options.replay.narrowed(spec) if options.replay else spec
    only = frozenset({options.replay.phase}) if options.replay else None
    with timed(report):
        _run(Server(looked_at, key, report, examples=options.examples, only=only, **reached), report, parts, options)
    return report


def phases_of(part: Callable[[Any], None]) -> Sequence[str]:
    """What a part calls itself in a report."""
    return _PHASES.get(part) or [getattr(sys.modules[part.__module__], "PHASE", part.__name__)]


def _run(subject: Any, report: Report, parts: Sequence[Callable[[Any], None]], options: Options) -> None:
    """Run the parts one after the other; one that cannot go on does not keep the others from finding more."""
    for part in parts:
        planned = phases_of(part)
        if options.replay is not None and options.replay.phase not in planned:
            continue
        try:
            report.budget.ask()
            part(subject)
        except BudgetSpent as spent:
            report.left_out(planned, str(spent))
        except Unfinished as unfinished:
            report.left_out(unfinished.phases, unfinished.reason)
        except NoAnswer as broken:
            report.left_out(planned, f"{broken} broke off without an answer, so the rest was not tried")
        if options.until and options.until <= report.violated_checks:
            return


@contextmanager
def timed(report: Report) -> Iterator[None]:
    """Measure how long the body takes, for the report."""
    start = time.monotonic()
    try:
        yield
    finally:
        report.seconds = time.monotonic() - start
