"""The command ``spacely-mock``."""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from urllib.parse import quote

from spacely_spec import SpecError, load

from ._app import RENDER_TIME, create_app, default_spec
from ._durations import parse_duration
from ._server import REQUEST_TIMEOUT, PortError, listen, make_server, origin

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
  /healthz                  {"status": "ok", ...} once the mock answers
  /__mock__/                what belongs to the mock alone: images, and what its problems mean

to get one certain answer, send the header Prefer:
  Prefer: code=500          the documented response of that status
  Prefer: example=NAME      the example of that name

exit codes:
  0  stopped by SIGTERM or Ctrl-C
  1  cannot listen on the address
  2  the file or an option cannot be used
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command.

    Args:
        arguments: The command line without the command; that of the process by default.

    Returns:
        The exit code.
    """
    options = _parser().parse_args(arguments)
    # A signal ends the process with code 0 wherever it comes, before the server is up as well as after.
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, _stop)
    return _serve(options)


def _serve(options: argparse.Namespace) -> int:
    try:
        spec = load(options.spec or default_spec())
        app = create_app(
            spec,
            render_time=options.render_time,
            seed=options.seed,
            api_keys=options.api_key,
            secret=options.secret,
            observe=_print_request if options.verbose else None,
        )
    except SpecError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    try:
        listener = listen(options.host, options.port)
    except PortError as error:
        sys.stderr.write(f"spacely-mock: {error}; choose another port with --port (0 picks a free one)\n")
        return 1
    where = origin(listener)
    count = len(spec.operations)
    banner = (
        f"{spec.title} {spec.version} ({count} operation{'' if count == 1 else 's'}) "
        f"at {where}{quote(spec.base_path)} - docs at {where}/docs"
    )
    server = make_server(app, lambda: _say(banner), request_timeout=options.request_timeout)
    server.run([listener])
    return 0


def _stop(_signal: int, _frame: FrameType | None) -> None:
    raise SystemExit(0)


def _print_request(method: str, path: str, status: int) -> None:
    shown = path.encode("unicode_escape").decode()
    _say(f"{method} {shown} {status}")


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _duration(text: str) -> float:
    try:
        return parse_duration(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _port(text: str) -> int:
    if text.isascii() and text.isdecimal() and int(text) <= 65535:
        return int(text)
    raise argparse.ArgumentTypeError(f"{text!r} is no port; give a number from 0 to 65535")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="spacely-mock",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument(
        "--port", type=_port, default=4010, help="port to listen on; 0 picks a free one (default: %(default)s)"
    )
    parser.add_argument(
        "--spec",
        type=Path,
        metavar="FILE",
        help="the OpenAPI 3.0 file (default: openapi.yaml in this folder, or else the one that comes with the mock)",
    )
    parser.add_argument(
        "--render-time",
        type=_duration,
        default=RENDER_TIME,
        metavar="TIME",
        help="how long a job runs: 2s, 500ms, 1m, or 0 for at once (default: 2s)",
    )
    parser.add_argument(
        "--seed",
        type=int,
        metavar="N",
        help="what made-up data and job ids start from; the same seed makes the same data (default: any)",
    )
    parser.add_argument(
        "--api-key",
        action="append",
        default=[],
        metavar="KEY",
        help="take this key and no other; may be given several times "
        "(default: any key that matches its security scheme's x-key-pattern)",
    )
    parser.add_argument(
        "--secret",
        metavar="TEXT",
        help="what job ids are sealed with: mocks with the same secret know each other's jobs, across restarts too "
        "(default: the same for every mock)",
    )
    parser.add_argument(
        "--request-timeout",
        type=_duration,
        default=REQUEST_TIMEOUT,
        metavar="TIME",
        help="how long a client may take to send one request (default: 30s)",
    )
    parser.add_argument("--verbose", action="store_true", help="print method, path and status of every request")
    return parser
