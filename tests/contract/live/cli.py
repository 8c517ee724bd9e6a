"""The command: ``scripts/contract --target live``."""

from __future__ import annotations

import argparse
import ipaddress
import json
import os
import sys
import time
import traceback
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from spacely_spec import Operation, Spec, SpecError, load, snake_case

from .. import credentials, output
from ..outcome import COULD_NOT_RUN, HELD, Outcome, Result
from ..report import Report
from . import table
from .guard import MAX_PER_SECOND, OWN_PACE, Clock, Guard, Limits
from .har import HarError, Recording, notices, read_har
from .judging import Judge
from .ladder import Ladder
from .ledger import Ledger, LedgerError
from .observations import Observations, Reader
from .plan import Plan, Planner
from .provenance import findings
from .rungs import Rung
from .samples import NoSample, Samples, has_example
from .tariff import Tariff
from .verdicts import Seen

_CONTRACT = Path(__file__).resolve().parents[3] / "openapi.yaml"
_LEDGER = Path("contract-live.jsonl")
_DESCRIPTION = """\
Hold the API itself to its contract, cheapest first: recorded traffic, requests that create nothing, a job that is
known, one job of its own, more of them. What may cost anything is sent only for --credits.
"""
_EPILOG = """\
Exit status: 0 the contract held, 1 it was violated or an assumption contradicted, 2 the checks could not run, 3 the
run ended before its plan did.
"""


class CannotRun(Exception):
    """Nothing may be sent, or nothing can be said; the message says what to do."""


@dataclass(frozen=True)
class Target:
    """The API: where it is, and the key for it, None where the contract asks for none."""

    base_url: str
    key: str | None

    @property
    def origin(self) -> httpx.URL:
        """Scheme, host and port."""
        return httpx.URL(self.base_url).copy_with(path="/", query=None, fragment=None)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command.

    Args:
        arguments: The command line without the program's name; that of the process by default.

    Returns:
        The exit status.
    """
    options = _parser().parse_args(arguments)
    try:
        return run(load(options.spec), options)
    except (CannotRun, HarError, LedgerError, NoSample, SpecError) as error:
        sys.stderr.write(f"scripts/contract: {error}\n")
    except KeyboardInterrupt:
        sys.stderr.write(f"scripts/contract: interrupted; {options.ledger} says what was sent\n")
    except Exception:  # noqa: BLE001 - status 1 says that the contract is violated; a fault in here must not
        traceback.print_exc()
    return COULD_NOT_RUN


def run(spec: Spec, options: argparse.Namespace, inner: httpx.BaseTransport | None = None, clock: Clock = time) -> int:
    """Climb as the options say.

    Args:
        spec: The contract.
        options: What the command line said.
        inner: What sends the requests that the guard lets through; HTTP by default.
        clock: The time; the machine's own by default.

    Returns:
        The exit status.
    """
    up_to = _highest(options)
    base_url = _base_url(spec, options)
    reader = Reader(spec, dict.fromkeys([base_url, *(url for url in spec.servers if url.startswith("http"))]))
    recording = read_har(options.har, spec, reader) if options.har is not None else None
    if up_to is Rung.RECORDED and recording is None:
        raise CannotRun("--up-to recorded reads recorded traffic: give it with --har FILE")
    if recording is not None and not recording.observations:
        hosts = ", ".join(recording.elsewhere) or "none"
        raise CannotRun(f"{options.har} has no exchange of an operation of {options.spec} (other hosts in it: {hosts})")
    target = Target(base_url, _key(spec, options, needed=up_to > Rung.RECORDED and not options.dry_run))
    samples = Samples(spec, base_url, _bodies(spec, options))
    tariff = Tariff(reader, target.key)
    pace = (OWN_PACE,) if spec.rate_limit is None else (OWN_PACE, spec.rate_limit)
    limits = Limits(options.max_requests, options.credits, pace)
    with ExitStack() as stack:
        ledger = Ledger(options.ledger, clock.time)
        if up_to > Rung.RECORDED and (not options.dry_run or options.ledger.exists()):
            stack.enter_context(ledger)
        submit = _submit(spec, options)
        planner = Planner(spec, samples, tariff, target.key, submit)
        plan = planner.plan(up_to, _jobs(spec, submit, options, ledger), options.credits)
        if options.dry_run:
            _say_plan(target, plan, limits, ledger.spent, recording)
            return HELD
        _consent(spec, plan, submit, options)
        return _climb(options, spec, target, samples, tariff, limits, ledger, plan, recording, inner, clock)


def _climb(
    options: argparse.Namespace,
    spec: Spec,
    target: Target,
    samples: Samples,
    tariff: Tariff,
    limits: Limits,
    ledger: Ledger,
    plan: Plan,
    recording: Recording | None,
    inner: httpx.BaseTransport | None,
    clock: Clock,
) -> int:
    keys = sorted(recording.keys, key=len, reverse=True) if recording is not None else []
    secrets = tuple(dict.fromkeys(filter(None, [target.key or "", *keys])))
    where = target.base_url if plan.steps else str(options.har)
    report = Report(where, str(spec.path), 1, secrets)
    judge = Judge(report, Observations(spec), samples)
    ladder: Ladder | None = None
    start = clock.monotonic()
    if recording is not None:
        judge.read(recording)
        for line in notices(recording):
            _say(line)
    if plan.steps:
        _say(f"Calling {target.base_url}; every request is noted in {options.ledger} first.\n")
        guard = Guard(inner or _http(target), target.origin, tariff, limits, ledger, clock)
        ledger.begin({"base_url": target.base_url, "credits_allowed": limits.credits, "steps": len(plan.steps)})
        ladder = Ladder(judge, tariff.reader, guard, ledger, target.key, clock)
        ladder.climb(plan)
        if ladder.not_run and not judge.observations.all:
            raise CannotRun(f"nothing answers at {target.base_url}: {ladder.not_run[0].reason}")
    report.seconds = clock.monotonic() - start
    return _conclude(options, report, judge, ladder, ledger, secrets)


def _conclude(
    options: argparse.Namespace,
    report: Report,
    judge: Judge,
    ladder: Ladder | None,
    ledger: Ledger,
    secrets: Sequence[str],
) -> int:
    spec = judge.observations.spec
    found = findings(Seen.of(judge.observations))
    judge.assumptions(found)
    lines = table.rows(found, spec.line, secrets)
    if ladder is not None:
        for each in ladder.not_run:
            step = f"{each.step.rung.title}: {each.step.title} ({each.step.operation.id})"
            report.left_out([step], each.reason)
    outcome = Outcome([Result(report)])
    _say(output.outcome_text(outcome))
    _say(table.as_text(lines))
    if ladder is not None:
        _say()
        for job in ladder.jobs:
            _say(f"The job {job.id} of {job.operation.id}: {job.end}.")
        spent = f"{ledger.spent} of {options.credits} credits are spent, by the ledger {options.ledger}"
        _say(f"{ladder.guard.sent} requests were sent; {spent}.")
    if options.report_dir is not None:
        for path in [*output.write(outcome, options.report_dir), *_write(lines, options.report_dir)]:
            _say(f"Wrote {path}")
    step_summary = os.environ.get("GITHUB_STEP_SUMMARY")
    if step_summary:
        with Path(step_summary).open("a", encoding="utf-8") as file:
            file.write(output.summary(outcome) + "\n" + table.as_markdown(lines) + "\n")
    return outcome.status


def _write(lines: Sequence[table.Row], folder: Path) -> Iterator[Path]:
    for name, text in (("assumptions.md", table.as_markdown(lines)), ("assumptions.json", table.write_json(lines))):
        path = folder / name
        path.write_text(text, encoding="utf-8", errors="replace")
        yield path


def _say_plan(target: Target, plan: Plan, limits: Limits, spent: int, recording: Recording | None) -> None:
    _say(f"Would call {target.base_url}, at most {MAX_PER_SECOND} requests a second. Nothing is sent now.")
    _say()
    if recording is not None:
        _say(f"{Rung.RECORDED.value} {Rung.RECORDED.title}: {len(recording.observations)} exchanges, no request")
    for rung in Rung:
        steps = plan.of(rung)
        if not steps:
            continue
        requests, credits = sum(step.requests for step in steps), sum(step.credits for step in steps)
        _say(f"{rung.value} {rung.title}: {requests} requests and {credits} credits at most")
        for step in steps:
            _say(f"    {step.requests:4}  {step.credits:2}  {step.operation.id}: {step.title}")
    _say()
    _say(f"At worst: {plan.requests} requests, of which {limits.requests} may be sent, and {plan.credits} credits.")
    if plan.credits or spent:
        _say(f"--credits allows {limits.credits}; {spent} of them are spent, by the ledger.")
    if plan.left_out:
        _say(f"{plan.left_out} further submits would take {plan.left_out} credits more.")


# --- What is wanted, and whether it may be ---------------------------------------------------------------------------


def _highest(options: argparse.Namespace) -> Rung:
    """The highest rung: the one that is named, or the highest that an option asks for."""
    if options.up_to is not None:
        return Rung[options.up_to.upper()]
    if options.credits:
        return Rung.CANARY if options.credits == 1 else Rung.MORE
    if options.job_id:
        return Rung.JOB
    return Rung.RECORDED if options.har is not None else Rung.PROBES


def _consent(spec: Spec, plan: Plan, submit: Operation | None, options: argparse.Namespace) -> None:
    if plan.credits and not options.credits:
        raise CannotRun(f"this may cost {plan.credits} credits: give --credits {plan.credits} to allow it")
    wants_submit = any(step.kind == "submit" for step in plan.steps)
    if wants_submit and submit is not None and options.body is None and not has_example(spec, submit):
        raise CannotRun(
            f"the contract shows no body for {submit.id}, and nothing made up is paid for: give one with --body FILE"
        )


def _base_url(spec: Spec, options: argparse.Namespace) -> str:
    url: str = options.base_url or os.environ.get(_variable(spec, "BASE_URL"), "") or next(iter(spec.servers), "")
    parts = _parsed(url)
    if parts is None or parts.scheme not in {"http", "https"} or not parts.host:
        raise CannotRun(f"{url!r} is no URL of a server: give one with --base-url, such as https://api.example.com/v1")
    if parts.userinfo or parts.query or parts.fragment:
        raise CannotRun("the base URL has more than a host and a path: leave user, query and fragment out")
    if parts.scheme == "http" and not _is_loopback(parts.host):
        raise CannotRun(f"{url} would send the key unencrypted: use https, but for a server on this machine")
    return url.rstrip("/")


def _parsed(url: str) -> httpx.URL | None:
    try:
        return httpx.URL(url)
    except httpx.InvalidURL:
        return None


def _key(spec: Spec, options: argparse.Namespace, *, needed: bool) -> str | None:
    if not credentials.schemes(spec):
        return None
    key = os.environ.get(_variable(spec, "API_KEY"), "").strip()
    if not key and needed:
        raise CannotRun(f"the contract asks for a key: set {_variable(spec, 'API_KEY')} in the environment")
    # To make a plan, or to read what was recorded, any text will do.
    return key or credentials.made_up_key(1)


def _variable(spec: Spec, name: str) -> str:
    return f"{snake_case(spec.sdk_name).upper()}_{name}"


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _submit(spec: Spec, options: argparse.Namespace) -> Operation | None:
    submits = {operation.id: operation for operation in spec.operations if operation.polling is not None}
    if options.operation is not None and options.operation not in submits:
        names = ", ".join(submits) or "none, the contract has no polling Link"
        raise CannotRun(f"--operation {options.operation}: is no operation that starts a job; there are: {names}")
    return submits.get(options.operation) or next(iter(submits.values()), None)


def _bodies(spec: Spec, options: argparse.Namespace) -> dict[str, Any]:
    submit = _submit(spec, options)
    if options.body is None or submit is None:
        return {}
    try:
        return {submit.id: json.loads(options.body.read_text(encoding="utf-8"))}
    except (OSError, ValueError) as error:
        raise CannotRun(f"--body {options.body}: cannot be read as JSON ({error})") from error


def _jobs(
    spec: Spec, submit: Operation | None, options: argparse.Namespace, ledger: Ledger
) -> list[tuple[Operation, str]]:
    """The jobs to follow: those that are named, and those that an earlier run has started and not seen the end of."""
    if options.job_id and submit is None:
        raise CannotRun("--job-id: the contract has no polling Link, so there are no jobs")
    named = [(submit, job) for job in options.job_id if submit is not None]
    open_ones = [
        (operation, job)
        for operation in spec.operations
        for job in ledger.jobs(operation.id)
        if (operation, job) not in named
    ]
    return [*named, *open_ones]


def _http(target: Target) -> httpx.BaseTransport:
    """What sends requests: never a second time, and through the proxy of the environment where there is one."""
    host = target.origin.host
    direct = _is_loopback(host) or urllib.request.proxy_bypass(host)
    proxy = None if direct else urllib.request.getproxies().get(target.origin.scheme)
    return httpx.HTTPTransport(proxy=proxy, retries=0)


def _say(text: str = "") -> None:
    sys.stdout.write(text + "\n")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="scripts/contract --target live",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        allow_abbrev=False,  # What costs money is written out.
    )
    add = parser.add_argument
    add("--target", choices=["live"], default="live", help=argparse.SUPPRESS)
    add("--spec", type=Path, default=_CONTRACT, metavar="FILE", help="the contract (openapi.yaml)")
    add("--base-url", metavar="URL", help="where its paths begin (the environment's …_BASE_URL, or its first server)")
    add("--har", type=Path, metavar="FILE", help="recorded traffic; nothing is sent for it, and nothing else by it")
    add("--job-id", action="append", default=[], metavar="ID", help="a job that the API knows; may be repeated")
    add("--credits", type=_count, default=0, metavar="N", help="what all runs with this ledger may spend (0)")
    words = [rung.word for rung in Rung]
    add("--up-to", choices=words, help="the highest rung (the highest that the other options ask for, else probes)")
    add("--operation", metavar="ID", help="the submit that the canary makes (the contract's first)")
    add("--body", type=Path, metavar="FILE", help="the JSON body of that submit (the contract's first example)")
    add("--max-requests", type=_count, default=500, metavar="N", help="requests in this run (500)")
    add("--ledger", type=Path, default=_LEDGER, metavar="FILE", help=f"where each request is noted first ({_LEDGER})")
    add(
        "--report-dir",
        type=Path,
        metavar="DIR",
        help="write assumptions.md and .json there, and the reports of the other targets",
    )
    add("--dry-run", action="store_true", help="print the plan and what it costs at worst, and send nothing")
    return parser


def _count(text: str) -> int:
    number = int(text)
    if number < 0:
        raise argparse.ArgumentTypeError(f"{text} is less than 0")
    return number
