"""The command: ``scripts/contract --target live``."""

from __future__ import annotations

import argparse
import sys
import time
import traceback
import urllib.request
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import httpx

from spacely_runtime._deadline import keep_deadlines
from spacely_spec import Operation, Spec, SpecError, load

from ..outcome import COULD_NOT_RUN, HELD, Outcome, Result
from ..output import CannotWrite, check_folder
from ..redaction import redact
from ..report import Report
from . import settings, table, telling
from .guard import OWN_PACE, Clock, Guard, Limits
from .har import HarError, Recording, notices, read_har
from .judging import Judge
from .ladder import Ladder
from .ledger import Ledger, LedgerError
from .observations import Observations, Reader
from .plan import Plan, Planner
from .provenance import findings
from .rungs import Rung
from .samples import NoSample, Samples
from .settings import CannotRun, Target
from .tariff import Tariff
from .verdicts import Seen


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command.

    Args:
        arguments: The command line without the program's name; that of the process by default.

    Returns:
        The exit status.
    """
    options = settings.parser().parse_args(arguments)
    try:
        return run(load(options.spec), options)
    except (CannotRun, CannotWrite, HarError, LedgerError, NoSample, SpecError) as error:
        sys.stderr.write(redact(f"scripts/contract: {error}\n", ()))
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
    up_to = settings.highest(options)
    sends = up_to > Rung.RECORDED
    base_url = settings.base_url(spec, options, sends=sends)
    key = settings.key(spec, needed=sends and not options.dry_run)
    reader = Reader(spec, dict.fromkeys([base_url, *(url for url in spec.servers if url.startswith("http"))]))
    recording = _recording(spec, options, reader, needed=not sends)
    submit = settings.submit(spec, options)
    samples = Samples(spec, base_url, settings.bodies(spec, options))
    tariff = Tariff(reader, key)
    with ExitStack() as stack:
        ledger = Ledger(options.ledger, clock.time)
        if sends and (not options.dry_run or options.ledger.exists()):
            stack.enter_context(ledger)
        planner = Planner(spec, samples, tariff, key, submit)
        plan = planner.plan(up_to, _jobs(spec, submit, options, ledger), options.credits)
        settings.climbable(plan, submit, options)
        pace = (OWN_PACE,) if spec.rate_limit is None else (OWN_PACE, spec.rate_limit)
        limits = Limits(options.max_requests, options.credits, pace)
        if options.dry_run:
            telling.say_plan(base_url, plan, limits, ledger.spent, recording)
            return HELD
        settings.consent(spec, plan, submit, options)
        if options.report_dir is not None:
            check_folder(options.report_dir)  # Before anything is paid for.
        target = Target(base_url, key)
        climb = _Climb(spec, options, target, samples, tariff, ledger, recording, inner or _http(target), clock)
        return climb.climb(plan, limits)


@dataclass(frozen=True)
class _Climb:
    """One run, once it may be made."""

    spec: Spec
    options: argparse.Namespace
    target: Target
    samples: Samples
    tariff: Tariff
    ledger: Ledger
    recording: Recording | None
    inner: httpx.BaseTransport
    clock: Clock

    def climb(self, plan: Plan, limits: Limits) -> int:
        recorded = self.recording.keys | self.recording.sessions if self.recording is not None else set[str]()
        keys = sorted(recorded, key=len, reverse=True)
        secrets = tuple(dict.fromkeys(filter(None, [self.target.key or "", *keys])))
        where = self.target.base_url if plan.steps else str(self.options.har)
        report = Report(where, str(self.spec.path), 1, secrets)
        judge = Judge(report, Observations(self.spec), self.samples)
        start = self.clock.monotonic()
        if self.recording is not None:
            judge.read(self.recording)
            for line in notices(self.recording):
                telling.say(line)
        ladder = self._send(plan, limits, judge) if plan.steps else None
        report.seconds = self.clock.monotonic() - start
        return self._conclude(judge, ladder)

    def _send(self, plan: Plan, limits: Limits, judge: Judge) -> Ladder:
        telling.say(f"Calling {self.target.base_url}; every request is noted in {self.ledger.path} first.\n")
        steps = {"steps": len(plan.steps), "credits_allowed": limits.credits}
        self.ledger.begin({"base_url": self.target.base_url, **steps})
        guard = Guard(self.inner, self.target.origin, self.tariff, limits, self.ledger, self.clock)
        ladder = Ladder(judge, self.tariff.reader, guard, self.ledger, self.target.key, self.clock)
        with guard:
            ladder.climb(plan)
        if ladder.not_run and not judge.observations.all:
            raise CannotRun(f"nothing answers at {self.target.base_url}: {ladder.not_run[0].reason}")
        for each in ladder.not_run:
            step = f"{each.step.rung.title}: {each.step.title} ({each.step.operation.id})"
            judge.report.left_out([step], each.reason)
        return ladder

    def _conclude(self, judge: Judge, ladder: Ladder | None) -> int:
        found = findings(Seen.of(judge.observations))
        judge.assumptions(found)
        lines = table.rows(found, self.spec.line, judge.report.secrets)
        outcome = Outcome([Result(judge.report)])
        telling.say_outcome(outcome, lines)
        if ladder is not None:
            telling.say_cost(ladder, self.options.credits)
        if self.options.report_dir is not None:
            for path in telling.write(outcome, lines, self.options.report_dir):
                telling.say(f"Wrote {path}")
        telling.add_to_summary(outcome, lines)
        return outcome.status


def _recording(spec: Spec, options: argparse.Namespace, reader: Reader, *, needed: bool) -> Recording | None:
    if options.har is None:
        if needed:
            raise CannotRun("--up-to recorded reads recorded traffic: give it with --har FILE")
        return None
    recording = read_har(options.har, spec, reader)
    if not recording.observations:
        hosts = ", ".join(recording.elsewhere) or "none"
        raise CannotRun(f"{options.har} has no exchange of an operation of {options.spec} (other hosts in it: {hosts})")
    return recording


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
    direct = settings.is_loopback(host) or urllib.request.proxy_bypass(host)
    proxy = None if direct else urllib.request.getproxies().get(target.origin.scheme)
    transport = httpx.HTTPTransport(proxy=proxy, retries=0)
    holder: Any = httpx.Client(transport=transport, trust_env=False)  # It takes those of a client.
    keep_deadlines(holder)
    return transport
