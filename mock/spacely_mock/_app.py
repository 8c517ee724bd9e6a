"""The mock put together."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spacely_spec import RateLimit, Spec, SpecError, load

from ._clock import Clock, SystemClock
from ._delivery import Sleep, real_sleep
from ._metrics import Metrics
from ._plans import Outcome, Progress
from ._rules import Rules, RuleSet
from ._state import JOURNAL_ENTRIES, MemoryState, State

if TYPE_CHECKING:
    from starlette.types import ASGIApp

    from ._http import Application

RENDER_TIME = 2.0
BODY_LIMIT = 10 * 1024 * 1024


def create_app(
    spec: Spec | str | Path | None = None,
    *,
    render_time: float = RENDER_TIME,
    progress: str | None = None,
    outcome: str = Outcome.SUCCESS,
    rules: RuleSet | Sequence[Mapping[str, Any]] = (),
    rate_limit: bool | int = False,
    rate_limit_block: bool = False,
    seed: int | None = None,
    api_keys: Sequence[str] = (),
    secret: str | None = None,
    clock: Clock | None = None,
    state: State | None = None,
    sleep: Sleep = real_sleep,
    body_limit: int = BODY_LIMIT,
    observe: Callable[[str, str, int], None] | None = None,
    fast_lane: bool = True,
    journal: int = JOURNAL_ENTRIES,
    admin: bool = True,
    admin_token: str | None = None,
    worker: tuple[int, int] = (0, 1),
    first_job: int | None = None,
    metrics: Metrics | None = None,
) -> Application:
    """Make the mock of a contract.

    Args:
        spec: The contract, or the path of its file; by default openapi.yaml in the working directory, or else the
            one that belongs to this package.
        render_time: How long a job runs, in seconds.
        progress: When jobs end, in place of render_time: ``2s``, ``1s..4s``, ``lognormal:3s,0.2``, ``vendor``,
            ``immediate`` or ``polls:3``.
        outcome: How they end: ``success``, ``failure``, ``pending``, ``empty``, ``unknown-status``,
            ``missing-images`` or ``expired-images``.
        rules: What is to be done with certain requests; of those that match, the last stands above the others.
        rate_limit: How many calls a key may make in the contract's time (one second where it has none); True for as
            many as the contract says.
        rate_limit_block: Whether a key that exceeds it stays refused.
        seed: What made-up data and the sequence of job ids start from; the same seed makes the same.
        api_keys: The only keys that are taken; by default any that fits its security scheme's x-key-pattern.
        secret: What job ids are sealed with. Mocks with the same secret know each other's jobs; the default is
            the same for every mock.
        clock: Tells the time; the machine's clock by default.
        state: What requests share; by default the memory of this process.
        sleep: Waits a number of seconds where an answer is to be late.
        body_limit: The largest request body that is taken, in bytes.
        observe: Called for every request with its method, its path and the status it got.
        fast_lane: Answer ordinary requests the short way. The answers are the same either way.
        journal: How many requests that memory's journal keeps; 0 keeps none.
        admin: Whether the mock's own interface under /__mock__/ is open.
        admin_token: The bearer token that it asks for; by default none.
        worker: The number of this process among those that serve, and how many they are.
        first_job: What the sequence of job ids starts from where it is not the seed.
        metrics: What has been counted so far, to be counted on; by default nothing has.

    Returns:
        An ASGI application.

    Raises:
        SpecError: The contract cannot be used; ``problems`` says why, one entry for each thing wrong.
        RuleError: A rule cannot be understood.
        ValueError: The progress or the outcome cannot be understood, or the token is empty.
    """
    # Imported here: not everyone who imports this package serves.
    from ._control import Controlled
    from ._cors import Cors
    from ._director import Director
    from ._frontdoor import FrontDoor
    from ._http import Request
    from ._ids import Sealer
    from ._jobs import JobSettings
    from ._journal import Journal
    from ._lane import FastLane
    from ._lazy import LazyApp
    from ._limits import Limit
    from ._mockcontrol import MockControl
    from ._operations import compile_operations
    from ._pages import Pages
    from ._redaction import Credentials
    from ._routes import Routes
    from ._security import Keys

    contract = spec if isinstance(spec, Spec) else load(spec or default_spec())
    start = next((each for each in (first_job, seed) if each is not None), secrets.randbits(53))
    time, shared = clock or SystemClock(), state or MemoryState(journal)
    sealer = Sealer((secret or "spacely-mock").encode(), start, *worker)
    settings = JobSettings(
        sealer=sealer,
        clock=time,
        state=shared,
        progress=Progress.after(render_time) if progress is None else Progress.parse(progress),
        outcome=Outcome.parse(outcome),
        workers=worker[1],
    )
    first = rules if isinstance(rules, RuleSet) else RuleSet.from_json(list(rules))
    if first is not rules:  # Those that have been read already were held to a contract that may have changed since.
        first.check_operations([operation.id for operation in contract.operations])
    rate = _rate(contract, rate_limit)
    director = Director(
        rules=Rules(first, shared),
        state=shared,
        limit=Limit(rate, rate_limit_block, time, shared) if rate else None,
        seed=start,
        sleep=sleep,
    )
    compiled = compile_operations(
        contract,
        keys=Keys(api_keys),
        settings=settings,
        director=director,
        seed=seed or 0,
        body_limit=body_limit,
    )

    def observe_request(request: Request, status: int) -> None:
        if observe is not None:
            observe(request.method, request.path, status)

    def build() -> ASGIApp:
        from ._framework import build_framework

        return build_framework(contract, compiled)

    sealer.restart(start)  # What ids look like has been tried out with the first seeds of the sequence.
    submits = {name: entry.submit for name, entry in compiled.items() if entry.submit is not None}
    credentials = Credentials(contract.operations, api_keys)
    counted = metrics or Metrics()
    noted = Journal(shared, credentials, settings.clock, counted, submits)
    controlled = Controlled(contract, shared, time, credentials, counted, worker[1])
    control = MockControl(controlled, admin_token, settings=settings, submits=submits, first=first)
    routes = Routes(contract.base_path, contract.operations)
    cors = Cors(contract)
    observer = observe_request if observe is not None else None
    lane = FastLane(
        routes=routes,
        compiled=compiled,
        headers=cors.headers,
        body_limit=body_limit,
        director=director,
        observe=observer,
        journal=noted,
    )
    return FrontDoor(
        routes=routes,
        framework=LazyApp(build) if fast_lane else build(),
        pages=Pages(contract, compiled, settings, control if admin else None),
        cors=cors,
        body_limit=body_limit,
        observe=observer,
        journal=noted,
        lane=lane if fast_lane else None,
    )


def _rate(contract: Spec, asked: bool | int) -> RateLimit | None:
    if asked is False:
        return None
    declared = contract.rate_limit
    if asked is not True:
        return RateLimit(asked, declared.seconds if declared else 1)
    if declared is None:
        message, remedy = "the contract declares no rate limit", "add x-rate-limit, or say how many calls are allowed"
        raise SpecError([contract.problem("", message, remedy)])
    return declared


def default_spec() -> Path:
    """The contract that is served when none is named: openapi.yaml here, or else the one of this package."""
    here = Path("openapi.yaml")
    if here.is_file():
        return here
    packaged = Path(__file__).with_name("openapi.yaml")
    # In a checkout the file stands at the root.
    return packaged if packaged.is_file() else Path(__file__).parents[2] / "openapi.yaml"
