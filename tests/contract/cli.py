"""The command: ``scripts/contract --target mock|client|URL``."""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import ipaddress
import os
import secrets
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from urllib.parse import urlsplit

from openapi_python_client.strings import snake_case

from spacely_spec import Spec, SpecError, load

from . import credentials, output
from .baseline import DAYS, Baseline, Judgement
from .budget import Budget
from .clients import PACKAGE, WrongPackage
from .gate import CannotRun, Options, check_app, check_client, check_http, check_url
from .outcome import COULD_NOT_RUN, HELD, INCOMPLETE, VIOLATED, Outcome, Result, result_of
from .output import CannotWrite
from .phases import EngineError
from .redaction import redact
from .replay import NoSuchViolation, Replay
from .report import Report
from .unreachable import Target

__all__ = ["COULD_NOT_RUN", "HELD", "INCOMPLETE", "VIOLATED", "main"]

_ROOT = Path(__file__).resolve().parents[2]
_CONTRACT = _ROOT / "openapi.yaml"
_GENERATED = _ROOT / "generated"
_DESCRIPTION = """\
Hold a target to an OpenAPI contract: the mock that is made from it (in process and over HTTP), the client that is
generated from it, or a server that runs at a base URL. A server's key is taken from the environment.
"""
_EPILOG = """\
Two more have command lines of their own: scripts/contract --target live --help, scripts/contract mutants --help.
Exit status: 0 the contract held, 1 it was violated, 2 the checks could not run, 3 they held and are incomplete.
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
    parser = _parser()
    options = parser.parse_args(arguments)
    if (options.baseline_update or options.baseline_prune) and options.baseline is None:
        parser.error("--baseline-update and --baseline-prune need --baseline FILE")
    if options.replay is not None and options.baseline is not None:
        parser.error("--replay looks for one violation, known or not: leave --baseline out")
    try:
        spec = _loaded(options.spec)
        if options.report_dir is not None:
            output.check_folder(options.report_dir)
        if options.target == "client":
            with _client_folder(options) as folder:
                if not _is_importable(folder):
                    return _in_a_process_of_its_own([*arguments, "--seed", str(options.seed)], folder)
                options.generated = folder
                return _conclude(options, _run(options, spec))
        return _conclude(options, _run(options, spec))
    except (CannotRun, CannotWrite, EngineError, NoSuchViolation, SpecError, WrongPackage) as error:
        sys.stderr.write(redact(f"scripts/contract: {error}\n", ()))
    except KeyboardInterrupt:
        sys.stderr.write("scripts/contract: interrupted\n")
    except Exception:  # noqa: BLE001 - status 1 says that the contract is violated; a fault in here must not
        sys.stderr.write(redact(traceback.format_exc(), ()))
    return COULD_NOT_RUN


def _loaded(path: Path) -> Spec:
    spec = load(path)
    if not spec.operations:
        raise CannotRun(f"{path} has no operation that could be checked")
    return spec


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


def _run(options: argparse.Namespace, spec: Spec) -> Outcome:
    """Make the run that the options ask for."""
    baseline = None
    if options.baseline is not None and not (options.baseline_update and not options.baseline.exists()):
        baseline = Baseline.read(options.baseline)
    size = _size(options)
    target: Target = "server"
    if options.target == "client":
        target, reports = "client", [check_client(spec, size, options.generated)]
    elif options.target == "mock":
        target, reports = "mock", [check_app(spec, size), check_http(spec, size)]
    else:
        key = _key(spec, options.target, consent=options.accept_charges)
        reports = [check_url(spec, size, options.target, key)]
    command = _again(options)
    if size.replay is not None:
        return Outcome([Result(report) for report in reports], command, notes=[_replayed(size.replay, reports)])
    judgement = baseline.judge(reports, _today()) if baseline is not None else Judgement()
    notes = _changed(options, baseline, reports, judgement)
    return Outcome([result_of(spec, report, target) for report in reports], command, judgement, notes)


def _replayed(replay: Replay, reports: Sequence[Report]) -> str:
    """Whether a violation was found again, in words."""
    for report in reports:
        replay.leave(report)
    if not any(report.violations for report in reports) and any(report.unfinished for report in reports):
        return f"{replay.check} of {replay.operation} was not looked at to the end."
    if not any(replay.made(report) for report in reports):
        made = {key[1:] for report in reports for key in report.tallies if key[0] == replay.phase}
        checks = sorted({check for operation, check in made if operation == replay.operation})
        known = f"checks of it in this phase: {', '.join(checks)}"
        if not checks:
            operations = sorted({operation for operation, _ in made})
            known = f"what this phase looks at: {', '.join(operations)}" if made else "there is no such phase"
        raise CannotRun(f"nothing was checked as {replay.phase}/{replay.check} of {replay.operation}; {known}")
    again = any(report.violations for report in reports)
    return f"{replay.check} of {replay.operation} is {'still' if again else 'no longer'} violated."


def _changed(
    options: argparse.Namespace, baseline: Baseline | None, reports: Sequence[Report], judgement: Judgement
) -> list[str]:
    """Write into the baseline's file what was asked for; say what that was."""
    notes: list[str] = []
    file = baseline or (Baseline(options.baseline) if options.baseline is not None else None)
    if file is not None and options.baseline_prune and judgement.stale:
        notes.append(f"Removed {file.pruned(judgement.stale)} entries from {file.path}.")
        file = Baseline.read(file.path)
    if file is not None and options.baseline_update:
        found = [violation for report in reports for violation in report.unknown]
        written = file.extended(found, _today())
        notes.append(f"Wrote {written} entries to {file.path}; the next run accepts them for {DAYS} days.")
    return notes


def _today() -> date:
    return datetime.now(UTC).date()


def _conclude(options: argparse.Namespace, outcome: Outcome) -> int:
    sys.stdout.write(output.outcome_text(outcome) + "\n")
    if options.report_dir is not None:
        for path in output.write(outcome, options.report_dir):
            sys.stdout.write(f"Wrote {path}\n")
    step_summary = os.environ.get("GITHUB_STEP_SUMMARY")
    if step_summary:
        with Path(step_summary).open("a", encoding="utf-8") as file:
            file.write(output.summary(outcome) + "\n")
    return outcome.status


def _size(options: argparse.Namespace) -> Options:
    replay = Replay.parse(options.replay) if options.replay is not None else None
    return Options(options.seed, options.max_examples, Budget(options.time_budget, options.max_requests), replay)


def _again(options: argparse.Namespace) -> list[str]:
    """The command line that sends the same once more."""
    command = ["scripts/contract", "--target", redact(options.target, ())]
    if options.spec.resolve() != _CONTRACT:
        command += ["--spec", str(options.spec)]
    if options.client is not None:
        command += ["--client", str(options.client)]
    return [*command, "--seed", str(options.seed), "--max-examples", str(options.max_examples)]


def _key(spec: Spec, url: str, *, consent: bool) -> str:
    """The key for a server, once it is certain that calling it costs nobody anything unasked."""
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise CannotRun(f"--target {url!r}: give mock, client, or a base URL such as http://127.0.0.1:4010/api/v1")
    if "?" in url or "#" in url:
        raise CannotRun(
            f"--target {parts.scheme}://{parts.hostname}…: the paths of the contract are put behind the URL; leave out "
            "what follows its own path, from ? or # on"
        )
    if not (consent or _is_loopback(parts.hostname)):
        raise CannotRun(
            f"{parts.hostname} is not this machine: the checks send it hundreds of requests, and each submit it "
            "accepts may be charged for; give --accept-charges to send them all the same"
        )
    variable = f"{snake_case(spec.sdk_name).upper()}_API_KEY"
    key = os.environ.get(variable, "")
    if not key and credentials.schemes(spec):
        raise CannotRun(f"the contract asks for a key: set {variable} to one that the server takes")
    fault = credentials.fault(key)
    if fault is not None:
        raise CannotRun(f"{variable} is no key that can be sent: {fault}; set it to the key and nothing else")
    return key


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


@contextmanager
def _client_folder(options: argparse.Namespace) -> Iterator[Path]:
    """The folder that holds the client: the one given, this project's own, or one that is generated for the run."""
    given = options.client or options.generated
    if given is not None or options.spec.resolve() == _CONTRACT:
        folder = (given or _GENERATED).resolve()
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
    command = [sys.executable, "-P", "-m", "tests.contract", *arguments, "--generated", str(folder)]
    return subprocess.run(command, env={**os.environ, "PYTHONPATH": path}, check=False).returncode


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="scripts/contract", description=_DESCRIPTION, epilog=_EPILOG)
    parser.add_argument("--target", required=True, metavar="mock|client|URL", help="what is held to the contract")
    parser.add_argument("--spec", type=Path, default=_CONTRACT, metavar="FILE", help="the contract (openapi.yaml)")
    parser.add_argument(
        "--report-dir",
        type=Path,
        metavar="DIR",
        help="write report.html, summary.md, junit.xml, exchanges.har, run.ndjson and coverage.json there",
    )
    parser.add_argument(
        "--seed", type=_seed, default=1, metavar="N|random", help="what generated data depends on (1); it is printed"
    )
    parser.add_argument(
        "--max-examples", type=_positive, default=20, metavar="N", help="examples of each operation and phase (20)"
    )
    parser.add_argument(
        "--time-budget", type=_seconds, metavar="SECONDS", help="stop then; what was not done makes the run incomplete"
    )
    parser.add_argument(
        "--max-requests", type=_positive, metavar="N", help="stop after so many; the run is incomplete then, too"
    )
    parser.add_argument(
        "--replay", metavar="ID", help="make one check once more, by the id that stands beside its violation"
    )
    parser.add_argument(
        "--baseline", type=Path, metavar="FILE", help="a file of known violations, which are accepted until they expire"
    )
    parser.add_argument(
        "--baseline-update", action="store_true", help=f"write new violations into it, to expire in {DAYS} days"
    )
    parser.add_argument("--baseline-prune", action="store_true", help="remove from it what nothing matches any more")
    parser.add_argument(
        "--client", type=Path, metavar="DIR", help=f"the folder that holds the client, {PACKAGE}, for --target client"
    )
    parser.add_argument("--generated", type=Path, help=argparse.SUPPRESS)  # A client made for this run only.
    parser.add_argument(
        "--accept-charges", action="store_true", help="let a URL lead off this machine, where a submit may cost money"
    )
    return parser


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is less than 1")
    return number


def _seconds(text: str) -> float:
    seconds = float(text)
    if not seconds > 0:
        raise argparse.ArgumentTypeError(f"{text} is no time to run in")
    return seconds


def _seed(text: str) -> int:
    if text == "random":
        return secrets.randbelow(1 << 32)
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is neither a whole number nor 'random'") from None
