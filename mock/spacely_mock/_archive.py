"""An HTTP Archive (HAR 1.2) that can be read at any moment: it is whole after each entry."""

from __future__ import annotations

import copy
import io
from contextlib import suppress
from pathlib import Path
from typing import Any

import harfile


class Archive:
    """A file that entries are added to. Whoever kills the process that writes it is left with all of them.

    Behind the last entry stands what ends the file. The next entry is written over it, with a new end behind, in one
    piece.

    Args:
        file: Where it is written; there must be nothing yet.
        creator: What the archive says of who wrote it.

    Raises:
        OSError: The file cannot be written, or is there already.
    """

    def __init__(self, file: Path, creator: harfile.Creator) -> None:
        self._text = io.StringIO()
        self._har = harfile.HarFile.open(self._text, creator=creator)
        self._position = 0
        self._end = self._ending()
        self._stream = file.open("xb", buffering=0)
        self._write(self._end)

    def add(self, **entry: Any) -> None:
        """Add an entry: what ``harfile.HarFile.add_entry`` takes.

        Raises:
            OSError: The file cannot be written. It ends behind the entry before, as far as that can still be done.
        """
        self._har.add_entry(**entry)
        written, end = self._taken(), self._ending()
        try:
            self._write(written + end)
        except OSError:
            with suppress(OSError):
                self._stream.truncate(self._position)
                self._write(self._end)
            raise
        self._position, self._end = self._position + len(written), end

    def close(self) -> None:
        """Let go of the file."""
        self._stream.close()

    def _ending(self) -> bytes:
        """What would end the file now; before the first entry it is the whole of an empty archive."""
        copy.copy(self._har).close()
        return self._taken()

    def _taken(self) -> bytes:
        text = self._text.getvalue()
        self._text.seek(0)
        self._text.truncate()
        return text.encode()

    def _write(self, data: bytes) -> None:
        self._stream.seek(self._position)
        unwritten = memoryview(data)
        while unwritten:
            unwritten = unwritten[self._stream.write(unwritten) :]
