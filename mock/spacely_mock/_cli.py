"""The command ``spacely-mock``."""

from __future__ import annotations

import argparse
import gc
import secrets
import socket
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from spacely_spec import Spec, SpecError, load

from ._app import RENDER_TIME, create_app, default_spec
from ._clock import ManualClock, SystemClock
from ._directives import WORDS
from ._metrics import Metrics
from ._options import calls, common, complain, duration, exposure, say, some_text, stopped_by_signals, workers
from ._plans import PROGRESS_FORMS, Outcome, Progress
from ._reload import Reloading
from ._rulefile import load_rules
from ._rules import RuleSet
from ._server import PortError, listen, listen_many, make_server, origin
from ._state import MemoryState
from ._store import StoreError, open_store, trouble_with

if TYPE_CHECKING:
    from starlette.types import ASGIApp

PROXY = "proxy"
_DESCRIPTION = """\
Serves a mock of the API that an OpenAPI 3.0 file describes. Nothing about the API is built in: operations,
validation, keys, jobs and answers all come from the file.

An operation whose response has a Link with x-polling starts a job. The operation that the Link names answers
that the job is running until the render time has passed, and then that it has succeeded; URLs in its result
lead to images on the mock.
"""

_EPILOG = """\
what is served:
  the operations            under the path of the file's first server URL, as printed at the start
  /docs                     the documentation, with which requests can be tried (Swagger UI)
  /openapi.yaml             the file itself; /openapi.json is the same as JSON
  /healthz                  {{"status": "ok", ...}} once the mock answers
  /__mock__/                the mock's own: what it has seen and what it does; /__mock__/ lists it
  /metrics                  what it has counted, for Prometheus

what the mock can be told to do with a request:
{words}

it can be told so in four places, of which an upper one stands above those below it:
  a header X-Mock-...       X-Mock-Outcome: failure
  the header Prefer         Prefer: outcome=failure, progress="polls:2"     (or Prefer: code=500)
  a text                    [mock outcome=failure progress=polls:2], in any text of the body or the query that has
                            no enum and no format
  a rule (--rules)          a YAML list of rules, of which the last that match stand above the others:
                              - when: {{operation: ID, method: POST, path: "/api/*", headers: {{user-agent: "curl*"}},
                                       query: {{q: "*"}}, body: {{"$.items[*].name": "a*"}}, namespace: DIGEST}}
                                then: {{status: 503, retry-after: 1}}
                                times: 1            it takes so many requests of each key; every: 3 takes each third
                                                    that matches, probability: 0.1 one in ten

spacely-mock proxy stands in front of any server of the file and tells what breaks it; see spacely-mock proxy --help.

exit codes:
  0  stopped by SIGTERM or Ctrl-C
  1  cannot listen on the address
  2  the file or an option cannot be used
"""


def _words() -> str:
    lines: list[str] = []
    for name, word in WORDS.items():
        lines += [f"  {name}={word.forms}", *(f"      {meaning}" for meaning in word.meaning.splitlines())]
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command.

    Args:
        arguments: The command line without the command; that of the process by default.

    Returns:
        The exit code.
    """
    arguments = sys.argv[1:] if arguments is None else arguments
    if arguments[:1] == [PROXY]:
        # Imported here: a mock that is no proxy starts without it.
        from ._proxycli import main as proxy

        return proxy(arguments[1:])
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.workers > 1 and options.clock == "manual":
        parser.error("--clock manual needs --workers 1: each process would have a time of its own")
    if options.rate_limit_block and options.rate_limit is False:
        parser.error("--rate-limit-block needs --rate-limit: without a limit there is none to exceed")
    with stopped_by_signals():
        return _serve(options)


def _serve(options: argparse.Namespace) -> int:
    try:
        spec = load(options.spec or default_spec())
        rules = load_rules(options.rules, [each.id for each in spec.operations]) if options.rules else RuleSet()
        if options.workers > 1 and not options.store:
            _require_nothing_shared(options, rules)
        app = _app(options, spec, rules)
        listeners = (
            [listen(options.host, options.port)]
            if options.workers == 1
            else listen_many(options.host, options.port, options.workers)
        )
    except SpecError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    except StoreError as error:
        complain(error)
        return 2
    except PortError as error:
        complain(f"{error}; choose another port with --port (0 picks a free one)")
        return 1
    for notice in _notices(options, listeners[0]):
        complain(notice)
    where = origin(listeners[0])
    if options.workers == 1:
        _run(options, app, listeners[0], lambda: say(_banner(spec, where)))
        return 0
    # Imported here: one process starts faster without.
    from ._workers import WorkerError, Workers

    start = secrets.randbits(53) if options.seed is None else options.seed

    def run(number: int, listener: socket.socket, on_ready: Callable[[], None]) -> None:
        _run(options, _app(options, spec, rules, start=start, number=number), listener, on_ready)

    try:
        Workers(run, listeners).serve(lambda: say(_banner(spec, where)))
    except WorkerError as error:
        complain(error)
        return 1
    return 0


def _run(options: argparse.Namespace, app: ASGIApp, listener: socket.socket, on_ready: Callable[[], None]) -> None:
    if isinstance(app, Reloading):
        app.watch(origin(listener))

    def ready() -> None:
        # What the mock is made of lives as long as it does: searched for garbage, it would hold up requests in vain.
        gc.collect()
        gc.freeze()
        on_ready()

    make_server(app, ready, request_timeout=options.request_timeout).run([listener])


def _banner(spec: Spec, where: str) -> str:
    count = len(spec.operations)
    operations = f"{count} operation{'' if count == 1 else 's'}"
    return f"{spec.title} {spec.version} ({operations}) at {where}{quote(spec.base_path)} - docs at {where}/docs"


def _require_nothing_shared(options: argparse.Namespace, rules: RuleSet) -> None:
    """Hold that nothing is asked for that several workers have to count together; raise StoreError where it is."""
    counted: list[str] = []
    if options.progress is not None and Progress.parse(options.progress).time is None:
        counted.append(f"--progress {options.progress}")
    if options.rate_limit is not False:
        counted.append("--rate-limit")
    for rule in rules.rules:
        # A share of the requests is the same share at each of them, a number of requests is not.
        if rule.times is not None or rule.every is not None:
            counted.append(f"the rule {rule.id} in {options.rules} (times, every)")
        elif rule.then.progress is not None and rule.then.progress.time is None:
            counted.append(f"the rule {rule.id} in {options.rules} (progress={rule.then.progress})")
    if counted:
        raise StoreError(
            f"each of {options.workers} workers would count for itself, against {', '.join(counted)}; "
            "give --store redis://... or --workers 1"
        )


def _app(
    options: argparse.Namespace, spec: Spec, rules: RuleSet, *, start: int | None = None, number: int = 0
) -> ASGIApp:
    """The mock as one of the workers."""
    make = partial(
        create_app,
        render_time=options.render_time,
        progress=options.progress,
        outcome=options.outcome,
        rules=rules,
        rate_limit=options.rate_limit,
        rate_limit_block=options.rate_limit_block,
        seed=options.seed,
        first_job=start,
        api_keys=options.api_key,
        secret=options.secret,
        clock=ManualClock() if options.clock == "manual" else SystemClock(),
        observe=_print_request if options.verbose else None,
        fast_lane=options.fast_lane,
        state=open_store(options.store, options.journal) if options.store else MemoryState(options.journal),
        admin=options.admin,
        admin_token=options.admin_token,
        worker=(number, options.workers),
        metrics=Metrics(),
    )
    if not options.watch:
        return make(spec)

    def say(where: str, changed: Spec | SpecError) -> None:
        if number == 0:  # The others have seen it too.
            _say_change(where, changed)

    return Reloading(spec, make, say)


def _say_change(where: str, changed: Spec | SpecError) -> None:
    if isinstance(changed, Spec):
        say(_banner(changed, where))
    else:
        sys.stderr.write(f"{changed}\nspacely-mock: the contract as it was before goes on\n")
        sys.stderr.flush()


def _notices(options: argparse.Namespace, listener: socket.socket) -> Iterator[str]:
    """What is worth knowing about how the mock was started."""
    yield from exposure(options, listener)
    if options.workers > 1 and not options.store:
        yield (
            f"{options.workers} workers share nothing: what needs that (journal, rules, counters, metrics) "
            "answers 503; give them --store"
        )
    trouble = trouble_with(options.store) if options.store else None
    if trouble is not None:
        yield (
            f"{trouble} Until it answers, counted polls, the journal, new rules, resets and metrics get 503; jobs that "
            "run by time go on, and each process counts the rate limit by itself"
        )


def _print_request(method: str, path: str, status: int) -> None:
    shown = path.encode("unicode_escape").decode()
    say(f"{method} {shown} {status}")


def _parsed(kind: type[Progress | Outcome]) -> Callable[[str], str]:
    def check(text: str) -> str:
        try:
            kind.parse(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from error
        return text

    return check


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="spacely-mock",
        description=_DESCRIPTION,
        epilog=_EPILOG.format(words=_words()),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        parents=[common()],
    )
    ends = parser.add_mutually_exclusive_group()
    ends.add_argument(
        "--render-time",
        type=duration,
        default=RENDER_TIME,
        metavar="TIME",
        help="how long a job runs: 2s, 500ms, 1m, or 0 for at once (default: 2s)",
    )
    ends.add_argument(
        "--progress",
        type=_parsed(Progress),
        metavar="WHEN",
        help=f"when jobs end, in place of --render-time: {PROGRESS_FORMS} (lognormal: median and sigma; vendor: about "
        "30 s; polls: when so many have found them running)",
    )
    parser.add_argument(
        "--outcome",
        type=_parsed(Outcome),
        default=Outcome.SUCCESS,
        metavar="HOW",
        help=f"how jobs end: {', '.join(Outcome)} (default: %(default)s)",
    )
    parser.add_argument("--rules", type=Path, metavar="FILE", help="a YAML file of rules; see below")
    parser.add_argument(
        "--rate-limit",
        type=calls,
        nargs="?",
        const=True,
        default=False,
        metavar="N",
        help="refuse calls beyond the contract's rate limit, or beyond N in its time, with 429, for each key "
        "(default: no limit)",
    )
    parser.add_argument(
        "--rate-limit-block",
        action="store_true",
        help="with --rate-limit: a key that exceeds it stays refused until its namespace is reset",
    )
    parser.add_argument(
        "--seed",
        type=int,
        metavar="N",
        help="what made-up data and job ids start from; the same seed and requests make the same data, ids and images "
        "(default: any). An id also says when its job was made: for the same ids, set the same --clock manual",
    )
    parser.add_argument(
        "--api-key",
        type=some_text,
        action="append",
        default=[],
        metavar="KEY",
        help="take this key and no other; may be given several times "
        "(default: any key that matches its security scheme's x-key-pattern)",
    )
    parser.add_argument(
        "--secret",
        type=some_text,
        metavar="TEXT",
        help="what job ids are sealed with: mocks with the same secret know each other's jobs, across restarts too "
        "(default: the same for every mock)",
    )
    parser.add_argument(
        "--no-fast-lane",
        dest="fast_lane",
        action="store_false",
        help="send every request through the framework; the answers are the same, and come more slowly",
    )
    parser.add_argument(
        "--clock",
        choices=("machine", "manual"),
        default="machine",
        help="manual: time stands still until it is moved through /__mock__/clock (default: %(default)s)",
    )
    parser.add_argument(
        "--workers",
        type=workers,
        default=1,
        metavar="N",
        help="how many processes serve the port; with --store they answer as one (default: 1)",
    )
    parser.add_argument(
        "--store",
        metavar="URL",
        help="the Redis that keeps what requests share, such as redis://localhost:6379 (default: this process)",
    )
    parser.add_argument(
        "--watch",
        action="store_true",
        help="serve the file anew whenever it changes; jobs and requests under way go on, and so does the mock where "
        "the file is broken",
    )
    return parser
