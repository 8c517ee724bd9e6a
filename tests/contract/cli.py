"""The command: ``scripts/contract --target mock|client|URL``."""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import ipaddress
import os
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from openapi_python_client.strings import snake_case

from spacely_spec import Spec, SpecError, load

from . import credentials, output
from .clients import PACKAGE, WrongPackage
from .gate import CannotRun, Options, check_app, check_client, check_http, check_url
from .phases import EngineError
from .report import Report

HELD, VIOLATED, COULD_NOT_RUN = 0, 1, 2

_ROOT = Path(__file__).resolve().parents[2]
_CONTRACT = _ROOT / "openapi.yaml"
_GENERATED = _ROOT / "generated"
_DESCRIPTION = """\
Hold a target to an OpenAPI contract: the mock that is made from it (in process and over HTTP), the client that is
generated from it, or a server that runs at a base URL. A server's key is taken from the environment.
"""
_EPILOG = """\
Two more have command lines of their own: scripts/contract --target live --help, scripts/contract mutants --help.
Exit status: 0 the contract held, 1 it was violated, 2 the checks could not run.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command.

    Args:
        arguments: The command line without the program's name; that of the process by default.

    Returns:
        The exit status.
    """
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    command, others = _command(arguments)
    if command is not None:
        return command(others)
    options = _parser().parse_args(arguments)
    try:
        spec = load(options.spec)
        if options.target == "client":
            with _client_folder(options) as folder:
                if not _is_importable(folder):
                    return _in_a_process_of_its_own(arguments, folder)
                return _conclude(options, [check_client(spec, _size(options), folder)])
        return _conclude(options, _check_server(options, spec))
    except (CannotRun, EngineError, SpecError, WrongPackage) as error:
        sys.stderr.write(f"scripts/contract: {error}\n")
    except KeyboardInterrupt:
        sys.stderr.write("scripts/contract: interrupted\n")
    except Exception:  # noqa: BLE001 - status 1 says that the contract is violated; a fault in here must not
        traceback.print_exc()
    return COULD_NOT_RUN


def _command(arguments: Sequence[str]) -> tuple[Callable[[Sequence[str]], int] | None, list[str]]:
    """The command that has a command line of its own, with what stands on it; None where it is this one."""
    name, others = (arguments[0], list(arguments[1:])) if arguments[:1] == ["mutants"] else ("", [])
    if not name:
        finder = argparse.ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
        finder.add_argument("--target")
        try:
            found, others = finder.parse_known_args(arguments)
        except argparse.ArgumentError:
            return None, []  # The whole command line is read by the parser that can say what is wrong with it.
        name = found.target if found.target == "live" else ""
    # Imported when it is asked for: the other runs need none of it.
    return (importlib.import_module(f"{__package__}.{name}.cli").main, others) if name else (None, [])


def _conclude(options: argparse.Namespace, reports: list[Report]) -> int:
    if not all(report.requests for report in reports):
        raise CannotRun(f"{options.spec} has no operation that could be checked")
    for report in reports:
        sys.stdout.write(output.as_text(report) + "\n\n")
    if options.report_dir is not None:
        for path in output.write(reports, options.report_dir):
            sys.stdout.write(f"Wrote {path}\n")
    return HELD if all(report.held for report in reports) else VIOLATED


def _check_server(options: argparse.Namespace, spec: Spec) -> list[Report]:
    size = _size(options)
    if options.target == "mock":
        return [check_app(spec, size), check_http(spec, size)]
    key = _key(spec, options.target, consent=options.accept_charges)
    return [check_url(spec, size, options.target, key)]


def _size(options: argparse.Namespace) -> Options:
    return Options(options.seed, options.max_examples)


def _key(spec: Spec, url: str, *, consent: bool) -> str:
    """The key for a server, once it is certain that calling it costs nobody anything unasked."""
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise CannotRun(f"--target {url!r}: give mock, client, or a base URL such as http://127.0.0.1:4010/api/v1")
    if not (consent or _is_loopback(parts.hostname)):
        raise CannotRun(
            f"{parts.hostname} is not this machine: the checks send it hundreds of requests, and each submit it "
            "accepts may be charged for; give --accept-charges to send them all the same"
        )
    variable = f"{snake_case(spec.sdk_name).upper()}_API_KEY"
    key = os.environ.get(variable, "")
    if not key and credentials.schemes(spec):
        raise CannotRun(f"the contract asks for a key: set {variable} to one that the server takes")
    return key


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


@contextmanager
def _client_folder(options: argparse.Namespace) -> Iterator[Path]:
    """The folder that holds the client: the one given, this project's own, or one that is generated for the run."""
    if options.client is not None or options.spec.resolve() == _CONTRACT:
        folder = (options.client or _GENERATED).resolve()
        if not (folder / PACKAGE / "__init__.py").is_file():
            raise CannotRun(f"{folder} holds no {PACKAGE}; write it with scripts/regenerate")
        yield folder
        return
    with tempfile.TemporaryDirectory(prefix="contract-") as temporary:
        command = [_ROOT / "scripts" / "regenerate", "--spec", options.spec, "--output", temporary]
        made = subprocess.run(command, capture_output=True, text=True, check=False)
        if made.returncode:
            raise CannotRun(f"no client could be generated from {options.spec}:\n{made.stderr.strip()}")
        yield Path(temporary).resolve()


def _is_importable(folder: Path) -> bool:
    """Whether an import here gives the client of that folder, or would give no better one in another process."""
    found = importlib.util.find_spec(PACKAGE)
    origin = Path(found.origin).resolve() if found is not None and found.origin else None
    first = os.environ.get("PYTHONPATH", "").split(os.pathsep)[0]
    return origin == folder / PACKAGE / "__init__.py" or first == str(folder)


def _in_a_process_of_its_own(arguments: Sequence[str], folder: Path) -> int:
    """Run the command once more, where the client of that folder comes before any other."""
    path = os.pathsep.join([str(folder), str(_ROOT), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)
    command = [sys.executable, "-P", "-m", "tests.contract", *arguments, "--client", str(folder)]
    return subprocess.run(command, env={**os.environ, "PYTHONPATH": path}, check=False).returncode


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="scripts/contract", description=_DESCRIPTION, epilog=_EPILOG)
    parser.add_argument("--target", required=True, metavar="mock|client|URL", help="what is held to the contract")
    parser.add_argument("--spec", type=Path, default=_CONTRACT, metavar="FILE", help="the contract (openapi.yaml)")
    parser.add_argument("--report-dir", type=Path, metavar="DIR", help="write junit.xml and report.html there")
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="what generated data depends on (1)")
    parser.add_argument(
        "--max-examples", type=_positive, default=20, metavar="N", help="examples of each operation and phase (20)"
    )
    parser.add_argument(
        "--client", type=Path, metavar="DIR", help=f"the folder that holds the client, {PACKAGE}, for --target client"
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
