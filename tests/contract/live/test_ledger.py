"""The ledger: what is on the disk before a request goes, and what an earlier run has left there."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from .ledger import Ledger, LedgerError


def test_a_send_without_an_outcome_counts_as_spent_and_its_outcome_decides(tmp_path: Path) -> None:
    with Ledger(tmp_path / "l") as ledger:
        first, second = ledger.sending({"step": "a"}, 1), ledger.sending({"step": "b"}, 1)
        assert ledger.spent == 2
        ledger.ended(first, {"status": 400}, 0)
        assert ledger.spent == 1
    with Ledger(tmp_path / "l") as again:
        assert again.spent == 1
        again.ended(second, {"status": 200, "operation": "make", "job": "j1"}, 1)
        assert again.jobs("make") == ("j1",)
        third = again.sending({"step": "c"}, 1)
        assert third not in {first, second}
        again.job_ended("make", "j1")
    with Ledger(tmp_path / "l") as last:
        assert last.spent == 2
        assert last.jobs("make") == ()


def test_a_line_is_on_the_disk_before_the_call_returns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[tuple[str, bytes]] = []
    write, sync = os.write, os.fsync

    def watched_write(file: int, data: bytes) -> int:
        done.append(("write", data))
        return write(file, data)

    def watched_sync(file: int) -> None:
        done.append(("sync", b""))
        sync(file)

    with Ledger(tmp_path / "l") as ledger:
        monkeypatch.setattr(os, "write", watched_write)
        monkeypatch.setattr(os, "fsync", watched_sync)
        ledger.sending({"step": "a"}, 1)
        assert [name for name, _ in done] == ["write", "sync"]
        assert json.loads(done[0][1])["kind"] == "send"


@pytest.mark.parametrize("kept", range(1, 60, 7))
def test_a_line_that_was_cut_off_is_set_aside_and_the_rest_counts(kept: int, tmp_path: Path) -> None:
    path = tmp_path / "l"
    with Ledger(path) as ledger:
        ledger.sending({"step": "a"}, 1)
    whole = path.read_bytes()
    path.write_bytes(whole + whole[:kept])
    for _ in range(2):  # What it wrote to set it aside can be read, too.
        with Ledger(path) as ledger:
            assert ledger.spent == 1
            assert path.read_bytes().startswith(whole + whole[:kept])
            ledger.begin({})


@pytest.mark.parametrize("line", ["no JSON", "7", "{}", '{"kind": "other"}', '{"kind": "send", "number": "x"}'])
def test_a_line_that_is_none_of_a_ledger_is_refused(line: str, tmp_path: Path) -> None:
    path = tmp_path / "l"
    with Ledger(path) as ledger:
        ledger.sending({"step": "a"}, 1)
    path.write_text(path.read_text() + line + "\n")
    with pytest.raises(LedgerError, match=r"l:2: is no line of a ledger"), Ledger(path):
        pass
    path.write_text("")
    with Ledger(path):  # It was given back.
        pass


def test_one_run_at_a_time_has_it(tmp_path: Path) -> None:
    with Ledger(tmp_path / "l"), pytest.raises(LedgerError, match="in use by another run"), Ledger(tmp_path / "l"):
        pass


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(LedgerError, match="nowhere/l cannot be used as the ledger"), Ledger(tmp_path / "nowhere" / "l"):
        pass


def test_nobody_else_may_read_it(tmp_path: Path) -> None:
    with Ledger(tmp_path / "l"):
        assert (tmp_path / "l").stat().st_mode & 0o077 == 0
