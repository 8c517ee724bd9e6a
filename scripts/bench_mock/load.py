"""The load: wrk, one thread, a fixed number of connections."""

from __future__ import annotations

import re
import resource
import subprocess
from dataclasses import dataclass
from pathlib import Path

from .requests import Request
from .servers import Running

CONNECTIONS = 32
_UNITS = {"us": 1e-3, "ms": 1.0, "s": 1e3, "m": 60e3}


@dataclass(frozen=True)
class Sample:
    """What one run of wrk measured.

    Attributes:
        requests: How many were answered.
        rate: How many in a second.
        p50: The time that half of them took at most, in milliseconds.
        p99: The time that 99 of 100 took at most, in milliseconds.
        cpu: The processor time that the server used for one, in microseconds.
        load_cpu: The same of wrk itself, which shares the machine's processors with the server.
        bad: How many were not answered with a status from 200 to 399, or not at all.
    """

    requests: int
    rate: float
    p50: float
    p99: float
    cpu: float
    load_cpu: float
    bad: int


def load(server: Running, request: Request, seconds: int, script: Path, connections: int = CONNECTIONS) -> Sample:
    """Send one request again and again for a time."""
    url = f"http://127.0.0.1:{server.port}{server.base}{request.path}"
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", "-s", str(request.lua(script)), url]
    before, load_before = server.cpu_seconds, _children()
    text = subprocess.run(command, check=True, capture_output=True, text=True, timeout=seconds + 30).stdout
    used, load_used = server.cpu_seconds - before, _children() - load_before
    requests = int(_found(r"(\d+) requests in", text))
    errors = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", text)
    bad = int(_found(r"Non-2xx or 3xx responses: (\d+)", text, "0")) + sum(map(int, errors.groups()) if errors else ())
    return Sample(
        requests=requests,
        rate=float(_found(r"Requests/sec:\s+([\d.]+)", text)),
        p50=_milliseconds(_found(r"^ +50% +(\S+)", text)),
        p99=_milliseconds(_found(r"^ +99% +(\S+)", text)),
        cpu=used / requests * 1e6 if requests else 0,
        load_cpu=load_used / requests * 1e6 if requests else 0,
        bad=bad,
    )


def _children() -> float:
    """The processor time of the programs that have been run to their end, in seconds."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def _found(pattern: str, text: str, otherwise: str | None = None) -> str:
    match = re.search(pattern, text, re.MULTILINE)
    if match is None:
        if otherwise is None:
            raise ValueError(f"wrk printed nothing like {pattern}:\n{text}")
        return otherwise
    return match[1]


def _milliseconds(text: str) -> float:
    match = re.fullmatch(r"([\d.]+)(us|ms|s|m)", text)
    if match is None:
        raise ValueError(f"wrk printed a time of {text}")
    return float(match[1]) * _UNITS[match[2]]
