"""scripts/demo: three rooms rendered through the client by the mock, sync and async, with their images on disk."""

from __future__ import annotations

import argparse
import asyncio
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console
from rich.live import Live
from rich.table import Column, Table

from spacely_client import AsyncSpacely, ClientError, JobUpdate, Spacely
from spacely_client.models import PollResultResponse

RENDER_TIME = "2s"
IMAGES = "https://storage.googleapis.com/spacely/public/image/roomstyle3"


@dataclass
class Row:
    """One room, as the table shows it."""

    room: str
    client: str
    job_id: str = "…"
    status: str = "submitting"
    began: float = field(default_factory=time.monotonic)
    seconds: float | None = None
    files: list[Path] = field(default_factory=list[Path])

    def update(self, update: JobUpdate[PollResultResponse]) -> None:
        self.status = update.response.data.status
        if not sys.stdout.isatty():  # Where the table cannot be redrawn, lines tell the progress.
            print(f"{self.job_id}  {update.elapsed:4.1f} s  {self.status}", flush=True)

    def done(self, files: list[Path]) -> None:
        self.files = files
        self.seconds = time.monotonic() - self.began


def main() -> int:
    """Run the demo; the result is its exit status."""
    parser = argparse.ArgumentParser(prog="scripts/demo", description=__doc__)
    parser.add_argument("--output", type=Path, default=Path("demo-output"), metavar="DIR", help="where the images go")
    output = parser.parse_args().output
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # So that the mock is stopped then, too.
    rows = [
        Row("bathroom", "sync"),
        Row("office", "async"),
        Row("living room", "async"),
    ]
    console = Console()
    try:
        with mock_server() as url, Live(Progress(rows), console=console, refresh_per_second=8):
            render_one(url, rows[0], output)
            asyncio.run(render_two(url, rows[1], rows[2], output))
    except (ClientError, OSError) as error:
        print(f"scripts/demo: {error}", file=sys.stderr)
        return 1
    print("", *(path for row in rows for path in row.files), sep="\n")
    return 0


def render_one(url: str, row: Row, output: Path) -> None:
    """The vendor's own example, through the synchronous client."""
    with Spacely(api_key="sk-demo", base_url=url, poll_interval=0.5) as client:
        row.began = time.monotonic()
        job = client.generate_advance(
            model="spacely-v1",
            image_url=f"{IMAGES}/bathroom-modern.jpg",
            prompt="mid_century",
            n_prompt="",
            renovate_type="residential",
        )
        row.job_id = job.id
        row.done(job.download(output, on_update=row.update))


async def render_two(url: str, first: Row, second: Row, output: Path) -> None:
    """Two more at the same time, through the asynchronous client."""
    async with AsyncSpacely(api_key="sk-demo", base_url=url, poll_interval=0.5) as client:

        async def render(row: Row, model: str, image: str, prompt: str) -> None:
            row.began = time.monotonic()
            job = await client.generate_advance(
                model=model,
                image_url=f"{IMAGES}/{image}",
                prompt=prompt,
                renovate_type="commercial" if "office" in row.room else "residential",
            )
            row.job_id = job.id
            row.done(await job.download(output, on_update=row.update))

        await asyncio.gather(
            render(first, "spacely-unfurnished-space", "office.jpg", "empty office, daylight"),
            render(second, "spacely-v1", "living-room.jpg", "scandinavian"),
        )


@contextmanager
def mock_server() -> Iterator[str]:
    """A mock of its own on a free port, gone when the block ends however it ends; gives its base URL."""
    command = [sys.executable, "-m", "spacely_mock", "--port", "0", "--render-time", RENDER_TIME]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            line = process.stdout.readline() if process.stdout else ""
            url = re.search(r"at (\S+)", line)
            if url is None:
                raise OSError("the mock did not start; its own message is above")
            print(line, end="")
            yield url[1]
        finally:
            process.terminate()


class Progress:
    """The table, drawn anew each time it is looked at."""

    def __init__(self, rows: list[Row]) -> None:
        self._rows = rows

    def __rich__(self) -> Table:
        table = Table("room", Column("refId", no_wrap=True), "status", "time", "files")
        for row in self._rows:
            running = row.seconds is None and row.job_id != "…"
            seconds = time.monotonic() - row.began if running else row.seconds
            table.add_row(
                f"{row.room} ({row.client})",
                row.job_id,
                row.status,
                "" if seconds is None else f"{seconds:.1f} s",
                str(len(row.files) or ""),
            )
        return table


if __name__ == "__main__":
    sys.exit(main())
