"""The command: ``scripts/contract --target mock|client|URL``."""

from __future__ import annotations

import argparse
import ipaddress
import os
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

from spacely_spec import Spec, SpecError, load

from . import credentials, output
from .gate import CannotRun, Options, check_app, check_http, check_url
from .phases import EngineError
from .report import Report

HELD, VIOLATED, COULD_NOT_RUN = 0, 1, 2
CONTRACT = Path(__file__).parents[2] / "openapi.yaml"

_DESCRIPTION = """\
Hold a target to an OpenAPI contract: mock (made from the contract, in process and over HTTP), client (the generated
one; for another contract than openapi.yaml one is generated first), or the base URL of a running server.
"""
_EPILOG = """\
Exit status: 0 the contract held, 1 it was violated, 2 the checks could not run.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command.

    Args:
        arguments: The command line without the program's name; that of the process by default.

    Returns:
        The exit status.
    """
    options = _parser().parse_args(arguments)
    try:
        reports = _run(options)
    except (CannotRun, EngineError, SpecError) as error:
        print(f"scripts/contract: {error}", file=sys.stderr)
        return COULD_NOT_RUN
    except Exception:  # noqa: BLE001 - status 1 says that the contract is violated; a fault in here must not
        traceback.print_exc()
        return COULD_NOT_RUN
    for report in reports:
        print(output.as_text(report), end="\n\n")
    if options.report_dir is not None:
        for path in output.write(reports, options.report_dir):
            print(f"Wrote {path}")
    return HELD if all(report.held for report in reports) else VIOLATED


def _run(options: argparse.Namespace) -> list[Report]:
    spec = load(options.spec)
    size = Options(options.seed, options.max_examples)
    match options.target:
        case "mock":
            return [check_app(spec, size), check_http(spec, size)]
        case url:
            return [check_url(spec, size, url, _key(spec, url, consent=options.accept_charges))]


def _key(spec: Spec, url: str, *, consent: bool) -> str:
    """The key for a server, once it is certain that calling it costs nobody anything unasked."""
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise CannotRun(f"--target {url!r}: give mock, client, or a base URL such as http://127.0.0.1:4010/api/v1")
    if not (consent or _is_loopback(parts.hostname)):
        raise CannotRun(
            f"{parts.hostname} is not this machine: the checks send it hundreds of requests, and each submit it accepts "
            "may be charged for; give --accept-charges to send them all the same"
        )
    variable = "SPACELY_API_KEY"
    key = os.environ.get(variable, "")
    if not key and credentials.schemes(spec):
        raise CannotRun(f"the contract asks for a key: set {variable} to one that the server takes")
    return key


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="scripts/contract", description=_DESCRIPTION, epilog=_EPILOG)
    parser.add_argument("--target", required=True, metavar="mock|client|URL", help="what is held to the contract")
    parser.add_argument("--spec", type=Path, default=CONTRACT, metavar="FILE", help="the contract (openapi.yaml)")
    parser.add_argument("--report-dir", type=Path, metavar="DIR", help="write junit.xml and report.html there")
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="what generated data depends on (1)")
    parser.add_argument(
        "--max-examples", type=_positive, default=20, metavar="N", help="examples of each operation and phase (20)"
    )
    parser.add_argument(
        "--accept-charges", action="store_true", help="let a URL lead off this machine, where a submit may cost money"
    )
    return parser


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is less than 1")
    return number
