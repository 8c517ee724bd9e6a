"""How far a download is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class DownloadProgress:
    """How far the download of a file is.

    Attributes:
        job_id: The id of the job that the file is of.
        path: Where the file is to be.
        received: How many bytes of it are here. It begins anew with each attempt.
        total: How many there are; None as long as that is not known.
    """

    job_id: str
    path: Path
    received: int
    total: int | None


OnProgress: TypeAlias = Callable[[DownloadProgress], object]
