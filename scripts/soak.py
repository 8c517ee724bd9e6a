"""scripts/soak: a mock under mixed load and faults, its memory and descriptors held to be flat.

An hour of calls at the rate that the contract allows takes about a minute: what is shortened is the time, not what is
sent. The mock runs on this machine alone, and only it is called. Exit status: 0 flat, 1 not, or a wrong answer.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any
from urllib.parse import urlsplit

from spacely_mock._sample import sample
from spacely_spec import Answer, Operation, Spec, load

KEY = "soak-key"
CONNECTIONS = 16
KNOWN_JOBS = 500
_OWN = ("/healthz", "/metrics", "/docs", "/openapi.json", "/__mock__/requests/count")  # The last reads all of it.
GROWTH = 1.05
SLACK = 4 * 1024 * 1024  # Bytes that an allocator may keep more than before without anything having grown.
STRAY_DESCRIPTORS = 2


@dataclass
class Tally:
    """What has happened so far."""

    answers: Counter[int] = field(default_factory=Counter[int])
    faults: int = 0
    wrong: list[str] = field(default_factory=list[str])
    memory: list[int] = field(default_factory=list[int])
    descriptors: list[int] = field(default_factory=list[int])


class Sender:
    """Sends requests of a contract, right ones and wrong ones, over one connection after another."""

    def __init__(self, spec: Spec, port: int, tally: Tally, seed: int) -> None:
        self._spec = spec
        self._port = port
        self._tally = tally
        self._random = random.Random(seed)
        self._jobs: list[tuple[Operation, Any]] = []
        self._images: list[str] = []
        self._submits = [operation for operation in spec.operations if operation.polling]
        polled = {operation.polling.target for operation in spec.operations if operation.polling}
        self._plain = [each for each in spec.operations if not each.polling and each.id not in polled]

    async def run(self, deadline: float) -> None:
        """Send until the time is up."""
        while time.monotonic() < deadline:
            reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
            with suppress(ConnectionError, asyncio.IncompleteReadError):
                for _ in range(self._random.randrange(1, 200)):
                    await self._one(reader, writer)
                await self._fault(writer)
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        kind = self._random.choices(("submit", "poll", "plain", "image", "wrong", "own"), (30, 60, 5, 0.2, 5, 1))[0]
        if kind == "submit" and self._submits:
            operation = self._random.choice(self._submits)
            answer = await self._call(reader, writer, _request(self._spec, operation), 200)
            if operation.polling and answer is not None:
                self._jobs = [*self._jobs[-KNOWN_JOBS:], (operation, operation.polling.job_id.read(answer))]
        elif kind == "poll" and self._jobs:
            await self._poll(reader, writer)
        elif kind == "plain" and self._plain:
            await self._call(reader, writer, _request(self._spec, self._random.choice(self._plain)), 200)
        elif kind == "image" and self._images:
            await self._call(reader, writer, _bytes("GET", self._random.choice(self._images), {}), 200)
        elif kind == "own":
            path = self._random.choices(_OWN, (20, 20, 20, 20, 1))[0]
            await self._call(reader, writer, _bytes("GET", path, {}), 200)
        else:
            await self._call(reader, writer, *self._wrong())

    async def _poll(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        submit, job = self._random.choice(self._jobs)
        polling = submit.polling
        if polling is None:
            return
        values = {**polling.constants, polling.parameter: job}
        answer = await self._call(
            reader, writer, _request(self._spec, self._spec.operation(polling.target), values), 200
        )
        if answer is not None and polling.result is not None:
            with suppress(LookupError):
                urls = [each for each in _texts(polling.result.read(answer)) if each.startswith("http")]
                self._images = [*self._images[-KNOWN_JOBS:], *(urlsplit(url).path for url in urls[:1])]

    def _wrong(self) -> tuple[bytes, int]:
        operation = self._random.choice(self._spec.operations)
        right = _request(self._spec, operation, {})
        head, _, body = right.partition(b"\r\n\r\n")
        documented = [int(each) for each in operation.responses if each.isdecimal()]
        forced = self._random.choice(documented)
        bad = 400
        return self._random.choice(
            (
                (_bytes("GET", "/" + "x" * self._random.randrange(1, 5000), {}), 404),
                (right.replace(KEY.encode(), b"another"), 401 if operation.security else -1),
                (head + f"\r\nPrefer: code={forced}\r\n\r\n".encode() + body, forced if forced >= 400 else -1),
                (head.replace(b"Content-Length: ", b"Content-Length: x") + b"\r\n\r\n", bad if body else -1),
                (head + b"\r\n\r\n" + b"[" * len(body), bad if body else -1),
                (head + b"\r\nX-A: " + b"a" * self._random.randrange(50_000) + b"\r\n\r\n" + body, -1),
            )
        )

    async def _call(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes, expected: int
    ) -> Answer | None:
        """Send a request; -1 expects any status below 500."""
        writer.write(request)
        head = (await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 10)).decode("latin-1")
        status = int(head.split(" ", 2)[1])
        headers = dict(re.findall(r"^([^:\r\n]+): ([^\r\n]*)", head, re.MULTILINE))
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        self._tally.answers[status] += 1
        if status >= 500 if expected == -1 else status != expected:
            self._tally.wrong.append(f"{status} instead of {expected}: {request[:200]!r}")
        if headers.get("connection") == "close":
            raise ConnectionResetError
        return Answer(status, headers, json.loads(body)) if "json" in headers.get("content-type", "") else None

    async def _fault(self, writer: asyncio.StreamWriter) -> None:
        """End the connection in one of the ways that clients should not."""
        request = _request(self._spec, self._random.choice(self._spec.operations), {})
        cut = self._random.randrange(len(request))
        ways = (
            b"",
            request[:cut],
            request * 50,
            b"\x16\x03\x01" + request,
            b"\0" * cut,
            b"GET / HTTP/1.1\r\n" + b"X: " + b"a" * 100_000,
        )
        writer.write(self._random.choice(ways))
        self._tally.faults += 1
        if self._random.random() < 0.5:
            writer.transport.abort()
        elif self._random.random() < 0.05:
            await asyncio.sleep(2)  # Longer than the mock's patience.


def _request(spec: Spec, operation: Operation, values: dict[str, Any] | None = None) -> bytes:
    """A request for an operation, made of the contract's examples."""
    path, query, headers = spec.base_path + operation.path, list[str](), dict[str, str]()
    for scheme in operation.security[0] if operation.security else ():
        if scheme.location == "query":
            query.append(f"{scheme.name}={KEY}")
        else:
            headers[scheme.name if scheme.location == "header" else "Cookie"] = (
                scheme.prefix + KEY if scheme.location == "header" else f"{scheme.name}={KEY}"
            )
    for parameter in operation.parameters:
        value = (values or {}).get(parameter.name, next(iter(parameter.examples.values()), None))
        if value is None and parameter.required:
            value = sample(parameter.schema, spec.components, "soak")
        if value is not None and parameter.location == "path":
            path = path.replace("{" + parameter.name + "}", str(value))
        elif value is not None and parameter.location == "query":
            query.append(f"{parameter.name}={value}")
        elif value is not None and parameter.location == "header":
            headers[parameter.name] = str(value)
    body = b""
    if operation.body is not None:
        name, content = next(iter(operation.body.content.items()))
        example = next(iter(content.examples.values()), None) or sample(content.schema or {}, spec.components, "soak")
        body, headers["Content-Type"] = json.dumps(example).encode(), name
    return _bytes(operation.method, path + ("?" + "&".join(query) if query else ""), headers, body)


def _bytes(method: str, target: str, headers: dict[str, str], body: bytes = b"") -> bytes:
    told = {"Host": "127.0.0.1", **headers, **({"Content-Length": str(len(body))} if body else {})}
    head = "".join(f"{name}: {value}\r\n" for name, value in told.items())
    return f"{method} {target} HTTP/1.1\r\n{head}\r\n".encode() + body


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    for child in value if isinstance(value, list) else value.values() if isinstance(value, dict) else ():
        yield from _texts(child)


@contextmanager
def _mock(spec: Spec) -> Iterator[tuple[subprocess.Popen[str], int, Path]]:
    options = [
        "--port",
        "0",
        "--spec",
        str(spec.path),
        "--render-time",
        "1s",
        "--api-key",
        KEY,
        "--request-timeout",
        "1s",
    ]
    with tempfile.TemporaryDirectory() as folder:
        errors = Path(folder) / "stderr"
        with errors.open("w") as file:
            process = subprocess.Popen(
                [sys.executable, "-m", "spacely_mock", *options], stdout=subprocess.PIPE, stderr=file, text=True
            )
        try:
            found = re.search(r":(\d+)/", process.stdout.readline() if process.stdout else "")
            if found is None:
                sys.exit(f"scripts/soak: the mock did not start: {errors.read_text()}")
            yield process, int(found[1]), errors
        finally:
            process.terminate()
            process.communicate()


def _measure(process: subprocess.Popen[str], tally: Tally) -> None:
    folder = Path(f"/proc/{process.pid}")
    tally.memory.append(int((folder / "statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE"))
    tally.descriptors.append(len(list((folder / "fd").iterdir())))


async def _soak(spec: Spec, process: subprocess.Popen[str], port: int, seconds: float) -> Tally:
    tally = Tally()
    _measure(process, tally)
    deadline = time.monotonic() + seconds
    senders = [asyncio.create_task(Sender(spec, port, tally, seed).run(deadline)) for seed in range(CONNECTIONS)]
    while time.monotonic() < deadline:
        await asyncio.sleep(min(1, seconds / 40))
        _measure(process, tally)
    await asyncio.gather(*senders)
    await asyncio.sleep(2)  # The mock's patience with connections that were left open.
    _measure(process, tally)
    return tally


def main() -> int:
    """Run the soak; the result is its exit status."""
    parser = argparse.ArgumentParser(
        prog="scripts/soak", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=1.0, help="how long (default: %(default)s)")
    parser.add_argument("--spec", type=Path, default=Path("openapi.yaml"), help="the contract (default: %(default)s)")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # So that the mock is stopped then, too.
    spec = load(options.spec)
    with _mock(spec) as (process, port, errors):
        tally = asyncio.run(_soak(spec, process, port, options.minutes * 60))
        said = errors.read_text()
    return _report(spec, tally, said, options.minutes * 60)


def _report(spec: Spec, tally: Tally, said: str, seconds: float) -> int:
    total = tally.answers.total()
    quarter = max(len(tally.memory) // 4, 1)
    # The first half fills what is bounded: the journal, caches, the allocator's own stores.
    early, late = median(tally.memory[-2 * quarter : -quarter]), median(tally.memory[-quarter:])
    limit = spec.rate_limit
    hours = f", {total / (limit.requests / limit.seconds) / 3600:.1f} hours' worth" if limit else ""
    print(f"{total} answers in {seconds:.0f} s{hours}; {tally.faults} connections ended wrongly")
    print("statuses: " + ", ".join(f"{status} {count}" for status, count in sorted(tally.answers.items())))
    print(f"memory: {early / 2**20:.1f} MiB in the third quarter, {late / 2**20:.1f} MiB in the last")
    print(
        f"descriptors: {tally.descriptors[0]} before, {max(tally.descriptors)} at most, {tally.descriptors[-1]} after"
    )
    failures = [
        *tally.wrong[:10],
        *(["the mock wrote to standard error:\n" + said] if said else []),
        *(["memory has grown"] if late > early * GROWTH + SLACK else []),
        *(["descriptors have leaked"] if tally.descriptors[-1] > tally.descriptors[0] + STRAY_DESCRIPTORS else []),
    ]
    for failure in failures:
        print(f"scripts/soak: {failure}", file=sys.stderr)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
