"""scripts/soak: a mock under mixed load and faults, its memory and descriptors held to be flat.

Two mocks are put under load, one after the other: one as it is by default, and one with a rate limit and rules. Each
gets right and wrong requests, forced answers, X-Mock headers of every kind, rules that come and go in several
namespaces, and connections that end in every way. What is shortened is the time that the contract's rate would take,
not what is sent. Only this machine is called. Exit status: 0 flat, 1 not or a wrong answer.
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
from spacely_mock._state import namespace_of
from spacely_spec import Answer, Operation, Spec, load

KEYS = tuple(f"soak-key-{number}" for number in range(8))  # Each is a namespace.
RULED = 599  # The status that rules give, so that it is told from all others.
LIMITED = 429
CALLS = 60  # The rate limit, for each key in the contract's time: it is reached again and again.
_RULES: list[dict[str, Any]] = [
    {"then": {"status": RULED, "retry-after": 1}, "every": 3, "times": 5},
    {"when": {"method": "GET"}, "then": {"delay": "1ms..3ms"}, "probability": 0.5},
    {"when": {"path": "*", "headers": {"host": "*"}}, "then": {"progress": "polls:2", "outcome": "failure"}},
]
# What is asked for in X-Mock headers, and the status that comes of it; None where the answer is torn or unreadable.
_ASKED: tuple[tuple[dict[str, str], int | None], ...] = (
    *(({"Status": str(status)}, status) for status in (204, 418, 503)),
    *(({"Status": "502", "Body": body}, 502) for body in ("empty", "html", "problem")),
    ({"Delay": "1ms..5ms"}, 200),
    ({"Dribble": "20/1ms"}, 200),
    *(({"Outcome": outcome, "Progress": "polls:1"}, 200) for outcome in ("success", "failure", "pending", "empty")),
    *(
        ({"Fault": fault}, None)
        for fault in ("truncated", "wrong-type", "reset", "reset-midway", "reset-after", "lost")
    ),
)
CONNECTIONS = 16
KNOWN_JOBS = 500
_OWN = ("/healthz", "/metrics", "/docs", "/openapi.json", "/__mock__/requests/count")  # The last reads all of it.
SUCCESS = 0  # Any status of success is expected.
GROWTH = 1.05
SLACK = 4 * 1024 * 1024  # Bytes that an allocator may keep more than before without anything having grown.
STRAY_DESCRIPTORS = 2


@dataclass
class Tally:
    """What has happened so far."""

    answers: Counter[int] = field(default_factory=Counter[int])
    faults: int = 0
    asked: int = 0
    rules: int = 0
    wrong: list[str] = field(default_factory=list[str])
    memory: list[int] = field(default_factory=list[int])
    descriptors: list[int] = field(default_factory=list[int])


class Sender:
    """Sends requests of a contract, right ones and wrong ones, over one connection after another."""

    def __init__(self, spec: Spec, port: int, tally: Tally, seed: int) -> None:
        self._spec = spec
        self._port = port
        self._key = KEYS[seed % len(KEYS)]
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
            with suppress(ConnectionError, asyncio.IncompleteReadError, _TornError):
                for _ in range(self._random.randrange(1, 200)):
                    await self._one(reader, writer)
                await self._fault(writer)
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        kinds = {"submit": 30, "poll": 60, "plain": 5, "image": 0.2, "wrong": 5, "own": 1, "asked": 5, "rules": 0.5}
        kind = self._random.choices(list(kinds), list(kinds.values()))[0]
        if kind == "submit" and self._submits:
            operation = self._random.choice(self._submits)
            answer = await self._call(reader, writer, _request(self._spec, operation, self._key), SUCCESS)
            if operation.polling and answer is not None:
                self._jobs = [*self._jobs[-KNOWN_JOBS:], (operation, operation.polling.job_id.read(answer))]
        elif kind == "poll" and self._jobs:
            await self._poll(reader, writer)
        elif kind == "plain" and self._plain:
            operation = self._random.choice(self._plain)
            await self._call(reader, writer, _request(self._spec, operation, self._key), SUCCESS)
        elif kind == "image" and self._images:
            await self._call(reader, writer, _bytes("GET", self._random.choice(self._images), {}), 200)
        elif kind == "own":
            path = self._random.choices(_OWN, (20, 20, 20, 20, 1))[0]
            await self._call(reader, writer, _bytes("GET", path, {}), 200)
        elif kind == "asked":
            await self._ask(reader, writer)
        elif kind == "rules":
            await self._rule(reader, writer)
        else:
            await self._call(reader, writer, *self._wrong())

    async def _poll(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        submit, job = self._random.choice(self._jobs)
        polling = submit.polling
        if polling is None:
            return
        values = {**polling.constants, polling.parameter: job}
        answer = await self._call(
            reader, writer, _request(self._spec, self._spec.operation(polling.target), self._key, values), SUCCESS
        )
        if answer is not None and polling.result is not None:
            with suppress(LookupError):
                urls = [each for each in _texts(polling.result.read(answer)) if each.startswith("http")]
                self._images = [*self._images[-KNOWN_JOBS:], *(urlsplit(url).path for url in urls[:1])]

    async def _ask(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Ask for something in headers of the mock's own."""
        words, status = self._random.choice(_ASKED)
        operation = self._random.choice(self._submits or list(self._spec.operations))
        head, _, body = _request(self._spec, operation, self._key).partition(b"\r\n\r\n")
        told = "".join(f"\r\nX-Mock-{name}: {value}" for name, value in words.items()).encode()
        self._tally.asked += 1
        expected = -1 if status is None else SUCCESS if status == 200 else status
        await self._call(reader, writer, head + told + b"\r\n\r\n" + body, expected, readable=status is not None)

    async def _rule(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Set rules in a namespace, or take them away, or forget all that the mock knows of it."""
        where = f"?namespace={namespace_of(self._key)}"
        rules = json.dumps(self._random.sample(_RULES, self._random.randrange(1, len(_RULES) + 1))).encode()
        kind = {"Content-Type": "application/json"}
        self._tally.rules += 1
        await self._call(reader, writer, _bytes("PUT", "/__mock__/rules" + where, kind, rules), 200)
        for _ in range(20):
            await self._call(
                reader, writer, _request(self._spec, self._random.choice(self._spec.operations), self._key, {}), -1
            )
        ends = (("DELETE", "/__mock__/rules"), ("POST", "/__mock__/reset"))
        method, path = self._random.choice(ends)
        await self._call(reader, writer, _bytes(method, path + where, {}), 200)

    def _wrong(self) -> tuple[bytes, int]:
        operation = self._random.choice(self._spec.operations)
        right = _request(self._spec, operation, self._key, {})
        head, _, body = right.partition(b"\r\n\r\n")
        documented = [int(each) for each in operation.responses if each.isdecimal()]
        forced = self._random.choice(documented)
        bad = 400
        return self._random.choice(
            (
                (_bytes("GET", "/" + "x" * self._random.randrange(1, 5000), {}), 404),
                (right.replace(self._key.encode(), b"another"), 401 if operation.security else -1),
                (head + f"\r\nPrefer: code={forced}\r\n\r\n".encode() + body, forced if forced >= 400 else -1),
                (head.replace(b"Content-Length: ", b"Content-Length: x") + b"\r\n\r\n", bad if body else -1),
                (head + b"\r\n\r\n" + b"[" * len(body), bad if body else -1),
                (head + b"\r\nX-A: " + b"a" * self._random.randrange(50_000) + b"\r\n\r\n" + body, -1),
            )
        )

    async def _call(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        request: bytes,
        expected: int,
        *,
        readable: bool = True,
    ) -> Answer | None:
        """Send a request; -1 expects any status below 500. What a rule or the limit says may come in its place."""
        writer.write(request)
        head = (await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 10)).decode("latin-1")
        status = int(head.split(" ", 2)[1])
        headers = dict(re.findall(r"^([^:\r\n]+): ([^\r\n]*)", head, re.MULTILINE))
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        self._tally.answers[status] += 1
        if status in {RULED, LIMITED} and expected not in {RULED, LIMITED}:
            return None
        if not _is_expected(status, expected):
            self._tally.wrong.append(f"{status} instead of {expected}: {request[:200]!r}")
        if headers.get("connection") == "close":
            raise ConnectionResetError
        if not readable:
            raise _TornError  # What is wrong with it may be the connection's end, so it is not used again.
        return Answer(status, headers, json.loads(body)) if "json" in headers.get("content-type", "") else None

    async def _fault(self, writer: asyncio.StreamWriter) -> None:
        """End the connection in one of the ways that clients should not."""
        request = _request(self._spec, self._random.choice(self._spec.operations), self._key, {})
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


class _TornError(Exception):
    """A connection is of no more use."""


def _is_expected(status: int, expected: int) -> bool:
    if expected == SUCCESS:
        return 200 <= status < 300
    return status < 500 if expected == -1 else status == expected


def _request(spec: Spec, operation: Operation, key: str, values: dict[str, Any] | None = None) -> bytes:
    """A request for an operation, made of the contract's examples."""
    path, query, headers = spec.base_path + operation.path, list[str](), dict[str, str]()
    for scheme in operation.security[0] if operation.security else ():
        if scheme.location == "query":
            query.append(f"{scheme.name}={key}")
        else:
            headers[scheme.name if scheme.location == "header" else "Cookie"] = (
                scheme.prefix + key if scheme.location == "header" else f"{scheme.name}={key}"
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
def _mock(spec: Spec, *more: str) -> Iterator[tuple[subprocess.Popen[str], int, Path]]:
    options = [
        "--port",
        "0",
        "--spec",
        str(spec.path),
        "--render-time",
        "1s",
        *(f"--api-key={key}" for key in KEYS),
        "--request-timeout",
        "1s",
        # Full while it warms up, however slow the machine is; a long one would still be filling up, as it may.
        "--journal",
        "2000",
        *more,
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
    seconds = options.minutes * 30
    status = 0
    with tempfile.TemporaryDirectory() as folder:
        rules = Path(folder) / "rules.yaml"
        rules.write_text(json.dumps([{"when": {"headers": {"x-no-such": "*"}}, "then": {"status": RULED}}]))
        mocks = {"as it is": (), "with a rate limit and rules": ("--rate-limit", str(CALLS), "--rules", str(rules))}
        for name, more in mocks.items():
            with _mock(spec, *more) as (process, port, errors):
                tally = asyncio.run(_soak(spec, process, port, seconds))
                said = errors.read_text()
            print(f"a mock {name}:")
            failures = _report(spec, tally, said, seconds)
            if more and not tally.answers[LIMITED]:
                failures.append("the rate limit was never reached")
            for failure in failures:
                print(f"scripts/soak: {failure}", file=sys.stderr)
                status = 1
    return status


def _report(spec: Spec, tally: Tally, said: str, seconds: float) -> list[str]:
    """Tell what came of it; what should not have is the result."""
    total = tally.answers.total()
    quarter = max(len(tally.memory) // 4, 1)
    # The first half fills what is bounded: the journal, caches, the allocator's own stores.
    early, late = median(tally.memory[-2 * quarter : -quarter]), median(tally.memory[-quarter:])
    limit = spec.rate_limit
    hours = f", {total / (limit.requests / limit.seconds) / 3600:.1f} hours' worth" if limit else ""
    print(f"  {total} answers in {seconds:.0f} s{hours}; {tally.faults} connections ended wrongly")
    print(f"  {tally.asked} requests with X-Mock headers; rules set {tally.rules} times in {len(KEYS)} namespaces")
    print("  statuses: " + ", ".join(f"{status} {count}" for status, count in sorted(tally.answers.items())))
    print(f"  memory: {early / 2**20:.1f} MiB in the third quarter, {late / 2**20:.1f} MiB in the last")
    descriptors = tally.descriptors
    print(f"  descriptors: {descriptors[0]} before, {max(descriptors)} at most, {descriptors[-1]} after")
    return [
        *tally.wrong[:10],
        *(["the mock wrote to standard error:\n" + said] if said else []),
        *(["memory has grown"] if late > early * GROWTH + SLACK else []),
        *(["descriptors have leaked"] if descriptors[-1] > descriptors[0] + STRAY_DESCRIPTORS else []),
    ]


if __name__ == "__main__":
    sys.exit(main())
