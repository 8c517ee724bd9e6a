"""Kills ``spacely batch`` again and again, and counts against the mock what became of every row.

usage: python -m tests.spacely_client.batch_kills [KILLS [SEED]]
"""

from __future__ import annotations

import asyncio
import csv
import json
import os
import random
import select
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spacely_mock import MockServer
from spacely_spec import load

ROOT = Path(__file__).parents[2]
ROWS = 40
IMAGE = b"no picture, since drawing thousands takes the time that is for killing"


class Counter:
    """An ASGI application around the mock's: delays submits on both sides and notes which were accepted."""

    def __init__(self, app: Any, seed: int) -> None:
        self._app = app
        self._random = random.Random(seed)
        self.ids: dict[str, list[str]] = defaultdict(list)  # The ids it gave, by the row's prompt.
        self.accepted = 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http" and "/images/" in scope["path"]:
            await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"image/png")]})
            await send({"type": "http.response.body", "body": IMAGE})
            return
        if scope["type"] != "http" or scope["method"] != "POST":
            await self._app(scope, receive, send)
            return
        asked, answered, status = b"", b"", 0

        async def heard() -> Any:
            nonlocal asked
            message = await receive()
            asked += message.get("body", b"")
            return message

        async def said(message: Any) -> None:
            nonlocal answered, status
            if message["type"] == "http.response.start":
                status = message["status"]
            else:
                answered += message.get("body", b"")
                if status == 200 and not message.get("more_body"):
                    self.ids[json.loads(asked)["prompt"]].append(json.loads(answered)["data"])
                    self.accepted += 1
                    await asyncio.sleep(self._random.uniform(0, 0.05))
            await send(message)

        await asyncio.sleep(self._random.uniform(0, 0.05))
        await self._app(scope, heard, said)


@dataclass
class Figures:
    """What was counted, over all batches."""

    kills: int = 0
    batches: int = 0
    rows: int = 0
    accepted: int = 0
    uncertain: int = 0
    uncertain_accepted: int = 0
    lost: int = 0
    twice: int = 0


def kill_batches(kills: int, seed: int) -> Figures:
    """Run batches and kill them until so many processes were killed; check each batch when it has ended.

    Args:
        kills: How many processes to kill.
        seed: What the moments are drawn from.

    Returns:
        The figures; ``lost`` and ``twice`` are what must not be.
    """
    figures = Figures()
    chance = random.Random(seed)
    server = MockServer(load(ROOT / "openapi.yaml"), render_time=0.3)
    counter = server.app = Counter(server.app, seed)
    with server, tempfile.TemporaryDirectory() as folder, closing(Launcher(server.url)) as launcher:
        while figures.kills < kills:
            counter.ids.clear()
            before = counter.accepted
            output = Path(folder) / str(figures.batches)
            source = _source(output.with_suffix(".csv"))
            while _run(launcher, source, output, counter, chance if figures.kills < kills else None):
                figures.kills += 1
            _count(output, counter, figures, counter.accepted - before)
            launcher.start(source, output, "--retry-uncertain")
            assert launcher.status() == 0
    return figures


def _source(path: Path) -> Path:
    with path.open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["name", "model", "image_url", "renovate_type", "prompt"])
        for number in range(ROWS):
            table.writerow([f"room {number}", "spacely-v1", "https://x.test/1.jpg", "residential", f"style {number}"])
    return path


class Launcher:
    """Starts the command over and over as processes of their own, forked from one that has done the imports."""

    _PROGRAM = """
import json, os, sys
import spacely_client.__main__, spacely_runtime._batch_setup
for line in sys.stdin:
    child = os.fork()
    if not child:
        sys.argv = json.loads(line)
        os.dup2(2, 1)
        status = 0
        try:
            spacely_client.__main__.main()
        except SystemExit as end:
            status = end.code or 0
        finally:
            os._exit(status)
    print(child, flush=True)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""

    def __init__(self, url: str) -> None:
        environment = {**os.environ, "SPACELY_API_KEY": "sk-test", "SPACELY_BASE_URL": url}
        self._parent = subprocess.Popen(
            [sys.executable, "-c", self._PROGRAM],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )

    def start(self, source: Path, output: Path, *more: str) -> int:
        words = ["spacely", "batch", str(source), "--output", str(output)]
        words += ["--poll-interval", "0.1", "--concurrency", "8", *more]
        assert self._parent.stdin is not None
        assert self._parent.stdout is not None
        self._parent.stdin.write(json.dumps(words).encode() + b"\n")
        self._parent.stdin.flush()
        return int(self._parent.stdout.readline())

    def ended(self) -> bool:
        assert self._parent.stdout is not None
        return bool(select.select([self._parent.stdout], [], [], 0.001)[0])

    def status(self) -> int:
        assert self._parent.stdout is not None
        return int(self._parent.stdout.readline())

    def close(self) -> None:
        self._parent.communicate()


def _run(launcher: Launcher, source: Path, output: Path, counter: Counter, chance: random.Random | None) -> bool:
    """Run the batch; True where it was killed, False where it ended by itself."""
    process = launcher.start(source, output)
    if chance is not None:
        # Some at any moment at all, some just when a submit was accepted and its answer is on the way.
        submits = counter.accepted + chance.randint(1, 10) if chance.random() < 0.7 else None
        moment = time.monotonic() + (20.0 if submits else chance.uniform(0, 0.8))
        while not launcher.ended() and time.monotonic() < moment:
            if submits is not None and counter.accepted >= submits:
                time.sleep(chance.uniform(0, 0.06))
                break
        with suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)
    status = launcher.status()
    assert status in {0, 3, -signal.SIGKILL}
    return status < 0


def _count(output: Path, counter: Counter, figures: Figures, accepted: int) -> None:
    database = sqlite3.connect(output / "journal.sqlite")
    rows = database.execute("SELECT request, state, job_id FROM rows").fetchall()
    database.close()
    report = json.loads((output / "report.json").read_text())
    listed = {row["request"]["prompt"] for row in report["rows"] if row["state"] == "uncertain"}
    figures.batches += 1
    figures.rows += len(rows)
    figures.accepted += accepted
    figures.uncertain += len(listed)
    assert len(rows) == ROWS
    for request, state, job_id in rows:
        prompt = json.loads(request)["prompt"]
        given = counter.ids.get(prompt, [])
        figures.twice += len(given) > 1
        figures.uncertain_accepted += prompt in listed and bool(given)
        if state == "done":
            figures.lost += given != [job_id]
            files = next(row["files"] for row in report["rows"] if row["request"]["prompt"] == prompt)
            assert len(files) == 4
            assert all((output / name).read_bytes() == IMAGE for name in files)
        else:
            # Neither done nor listed for the user to decide: then its job is lost.
            figures.lost += state != "uncertain" or prompt not in listed


if __name__ == "__main__":
    number = int(sys.argv[1]) if len(sys.argv) > 1 else 300
    counted = kill_batches(number, int(sys.argv[2]) if len(sys.argv) > 2 else 1)
    print(counted)  # noqa: T201 - what it is run for
