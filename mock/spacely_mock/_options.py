"""What the commands that serve have in common: options, what they say at the start, how they stop."""

from __future__ import annotations

import argparse
import ipaddress
import os
import signal
import socket
import sys
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from ._durations import parse_duration
from ._server import REQUEST_TIMEOUT
from ._state import JOURNAL_ENTRIES


def common() -> argparse.ArgumentParser:
    """The options of every command that serves, as a parent for its parser."""
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument(
        "--port", type=port, default=4010, help="port to listen on; 0 picks a free one (default: %(default)s)"
    )
    parser.add_argument(
        "--spec",
        type=Path,
        metavar="FILE",
        help="the OpenAPI 3.0 file (default: openapi.yaml in this folder, or else the one that comes with the mock)",
    )
    parser.add_argument(
        "--request-timeout",
        type=duration,
        default=REQUEST_TIMEOUT,
        metavar="TIME",
        help="how long a client may take to send one request (default: 30s)",
    )
    parser.add_argument(
        "--journal",
        type=count,
        default=JOURNAL_ENTRIES,
        metavar="N",
        help="how many requests are kept for /__mock__/requests; 0 for none (default: %(default)s)",
    )
    parser.add_argument(
        "--admin-token",
        type=token,
        default=os.environ.get("SPACELY_MOCK_ADMIN_TOKEN") or None,
        metavar="TOKEN",
        help="ask for this bearer token under /__mock__/ (default: SPACELY_MOCK_ADMIN_TOKEN, or else none)",
    )
    parser.add_argument("--no-admin", dest="admin", action="store_false", help="close the endpoints under /__mock__/")
    parser.add_argument("--verbose", action="store_true", help="print method, path and status of every request")
    return parser


def exposure(options: argparse.Namespace, listener: socket.socket) -> Iterator[str]:
    """What is worth knowing where others than this machine are listened to."""
    if not ipaddress.ip_address(listener.getsockname()[0]).is_loopback:
        controls = "" if options.admin_token or not options.admin else ", and control it: see --admin-token, --no-admin"
        yield f"listening on {options.host}: whoever reaches this machine can use the mock{controls}"


@contextmanager
def stopped_by_signals() -> Generator[None]:
    """SIGTERM and Ctrl-C end the process with code 0, before the server is up as well as after."""
    before = {name: signal.signal(name, _stop) for name in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:  # Whoever called the command from a program of their own has their handlers back.
        for name, handler in before.items():
            signal.signal(name, handler)


def say(line: str) -> None:
    """Print a line at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def complain(line: object) -> None:
    """Print a line to standard error, under the command's name."""
    sys.stderr.write(f"spacely-mock: {line}\n")
    sys.stderr.flush()


def _stop(_signal: int, _frame: FrameType | None) -> None:
    raise SystemExit(0)


def duration(text: str) -> float:
    """A time, in seconds."""
    try:
        return parse_duration(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def token(text: str) -> str:
    """A bearer token. An empty one, as of a variable that is not set, would be no protection."""
    if text.isascii() and text.isprintable() and text.split() == [text]:
        return text
    raise argparse.ArgumentTypeError("the token is empty, or no header can carry it; give printable ASCII, no spaces")


def some_text(text: str) -> str:
    """A text that is not empty."""
    if text:
        return text
    raise argparse.ArgumentTypeError("the text is empty; give at least one character")


def count(text: str) -> int:
    """A number, 0 or more."""
    if text.isascii() and text.isdecimal() and len(text) <= 9:
        return int(text)
    raise argparse.ArgumentTypeError(f"{text!r} is no number; give 0 or more")


def workers(text: str) -> int:
    """A number of processes."""
    if text.isascii() and text.isdecimal() and 1 <= int(text) <= 64:
        return int(text)
    raise argparse.ArgumentTypeError(f"{text!r} is no number of workers; give one from 1 to 64")


def calls(text: str) -> int:
    """A number of calls."""
    if text.isascii() and text.isdecimal() and 0 < int(text[:10]) <= 10**9:
        return int(text[:10])
    raise argparse.ArgumentTypeError(f"{text!r} is no number of calls; give one from 1 to a billion")


def port(text: str) -> int:
    """A port."""
    if text.isascii() and text.isdecimal() and int(text) <= 65535:
        return int(text)
    raise argparse.ArgumentTypeError(f"{text!r} is no port; give a number from 0 to 65535")
