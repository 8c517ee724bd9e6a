"""What a run is asked to do: the command line, the environment, and what is refused before anything is sent."""

from __future__ import annotations

import argparse
import ipaddress
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from spacely_spec import Operation, Spec, compile_schema, faults, json_schema, snake_case

from .. import credentials
from .plan import Plan
from .rungs import Rung
from .samples import has_example

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


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(
        prog="scripts/contract --target live",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        allow_abbrev=False,  # What costs money is written out.
    )
    add = made.add_argument
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
    return made


def _count(text: str) -> int:
    number = int(text)
    if number < 0:
        raise argparse.ArgumentTypeError(f"{text} is less than 0")
    return number


def highest(options: argparse.Namespace) -> Rung:
    """The highest rung: the one that is named, or the highest that an option asks for."""
    if options.up_to is not None:
        return Rung[options.up_to.upper()]
    if options.credits:
        return Rung.CANARY if options.credits == 1 else Rung.MORE
    if options.job_id:
        return Rung.JOB
    return Rung.RECORDED if options.har is not None else Rung.PROBES


def consent(spec: Spec, plan: Plan, submit: Operation | None, options: argparse.Namespace) -> None:
    """Refuse what costs anything and was not allowed, or would pay for something made up."""
    if plan.credits and not options.credits:
        raise CannotRun(f"this may cost credits, {plan.credits} at worst: allow it with --credits {plan.credits}")
    wants_submit = any(step.kind == "submit" for step in plan.steps)
    if wants_submit and submit is not None and options.body is None and not has_example(spec, submit):
        raise CannotRun(
            f"the contract shows no body for {submit.id}, and nothing made up is paid for: give one with --body FILE"
        )


def climbable(plan: Plan, submit: Operation | None, options: argparse.Namespace) -> None:
    """Refuse a rung that is asked for outright and that there is nothing for, rather than call less of it a success."""
    rung = None if options.up_to is None else Rung[options.up_to.upper()]
    if rung is None or rung is Rung.RECORDED or plan.of(rung) or (plan.credits and not options.credits):
        return  # What was not allowed is told by consent().
    remedy = "the contract has nothing for it; leave --up-to out"
    if submit is None and rung > Rung.PROBES:
        remedy = "the contract has no polling Link, so there are no jobs"
    elif rung is Rung.JOB:
        remedy = f"name a job with --job-id ID; {options.ledger} knows of none whose end was not seen"
    elif rung is Rung.MORE:
        remedy = "allow it more credits than the canary's one with --credits N"
    raise CannotRun(f"--up-to {rung.word}: there is nothing to do on that rung; {remedy}")


def base_url(spec: Spec, options: argparse.Namespace, *, sends: bool) -> str:
    """Where the paths of the contract begin: as given, by the environment, or by the contract."""
    url: str = options.base_url or os.environ.get(_variable(spec, "BASE_URL"), "") or next(iter(spec.servers), "")
    parts = _parsed(url)
    if parts is None or parts.scheme not in {"http", "https"} or not parts.host:
        raise CannotRun(f"{url!r} is no URL of a server: give one with --base-url, such as https://api.example.com/v1")
    if parts.userinfo or parts.query or parts.fragment:
        raise CannotRun("the base URL has more than a host and a path: leave user, query and fragment out")
    if sends and parts.scheme == "http" and not is_loopback(parts.host):
        raise CannotRun(f"{url} would send the key unencrypted: use https, but for a server on this machine")
    return url.rstrip("/")


def _parsed(url: str) -> httpx.URL | None:
    try:
        return httpx.URL(url)
    except httpx.InvalidURL:
        return None


def key(spec: Spec, *, needed: bool) -> str | None:
    """The key of the environment; None where the contract asks for none."""
    if not credentials.schemes(spec):
        return None
    variable = _variable(spec, "API_KEY")
    given = os.environ.get(variable, "")
    if not given and needed:
        raise CannotRun(f"the contract asks for a key: set {variable} in the environment")
    fault = credentials.fault(given)
    if fault is not None:
        raise CannotRun(f"{variable} is no key that can be sent: {fault}; set it to the key and nothing else")
    # To make a plan, or to read what was recorded, any text will do.
    return given or credentials.made_up_key(1)


def _variable(spec: Spec, name: str) -> str:
    return f"{snake_case(spec.sdk_name).upper()}_{name}"


def is_loopback(host: str) -> bool:
    """Whether a host is this machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def submit(spec: Spec, options: argparse.Namespace) -> Operation | None:
    """The operation that the canary calls; None where the contract starts no jobs."""
    submits = {operation.id: operation for operation in spec.operations if operation.polling is not None}
    if options.operation is not None and options.operation not in submits:
        names = ", ".join(submits) or "none, the contract has no polling Link"
        raise CannotRun(f"--operation {options.operation}: is no operation that starts a job; there are: {names}")
    return submits.get(options.operation) or next(iter(submits.values()), None)


def bodies(spec: Spec, options: argparse.Namespace) -> dict[str, Any]:
    """The bodies that are given, by operationId."""
    canary = submit(spec, options)
    if options.body is None or canary is None:
        return {}
    try:
        body = json.loads(options.body.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CannotRun(f"--body {options.body}: cannot be read as JSON ({error})") from error
    schemas = (each.schema for name, each in (canary.body.content if canary.body else {}).items() if "json" in name)
    schema = next(schemas, None)
    if schema is None:
        raise CannotRun(f"--body {options.body}: {canary.id} takes no JSON body; leave it out")
    errors = compile_schema(json_schema(schema, spec.components, direction="request")).iter_errors(body)
    found = [f"{place or '/'}: {message}; {remedy}" for place, message, remedy in faults(errors, "correct it")]
    if found:
        raise CannotRun(f"--body {options.body} breaks the contract, and may cost a credit:\n  " + "\n  ".join(found))
    return {canary.id: body}
