"""BENCHMARKS.md: one page, of which each benchmark writes a section of its own and leaves the others alone."""

from __future__ import annotations

import platform
import re
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

_HEAD = """\
# Benchmarks

Each section is written by the command that it names; run it to get the figures of your own machine.
"""


def write_section(page: Path, name: str, text: str) -> None:
    """Put a section in the place of the one with that name, or at the end.

    Args:
        page: The file; made if need be.
        name: The name, by which the section is found again.
        text: The section, with a heading of the second level.
    """
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    section = f"{begin}\n{text.strip()}\n{end}\n"
    before = page.read_text() if page.is_file() else _HEAD
    there = re.compile(f"{re.escape(begin)}.*{re.escape(end)}\n", re.DOTALL)
    after = there.sub(lambda _: section, before) if there.search(before) else f"{before.rstrip()}\n\n{section}"
    page.write_text(after)


def machine(*packages: str) -> list[str]:
    """When and on what it was measured, as list items; with the versions of packages."""
    cpus = Path("/proc/cpuinfo")
    lines = cpus.read_text().splitlines() if cpus.is_file() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    system = f"{platform.system()} {platform.release()}"
    return [
        f"- {datetime.now(UTC):%Y-%m-%d}",
        f"- {len(names)} processors {names[0] if names else platform.processor()}, {system}",
        f"- Python {platform.python_version()}, " + ", ".join(f"{name} {version(name)}" for name in packages),
    ]
