"""The report of a batch: a page that shows all, runs nothing and loads nothing from elsewhere."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.spacely_runtime.test_batch import Answer, Server, rows
from tests.spacely_runtime.things import KEY, LOOK, START, Clock, Things, answer

from spacely_runtime import errors


class Page(HTMLParser):
    """The tags of a page with their attributes, and its text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.fixture
def page(clock: Clock, tmp_path: Path) -> Page:
    failures: Iterator[Answer] = iter([httpx.ReadTimeout("slow <b>"), answer(400, b"<script>no</script>")])
    given = rows(4)
    given[2] |= {"name": "<img src=x>", "photo_url": "https://x.test/%3Cscript%3E?q='onload=x"}
    given[3] |= {"name": "javascript:x", "photo_url": "javascript:alert(1)"}
    with Server(lambda _: next(failures, None)).client() as client:
        client.batch(given, tmp_path, concurrency=1)
    return Page((tmp_path / "report.html").read_text())


def test_every_row_is_on_the_page_with_its_state_and_its_id(page: Page) -> None:
    for text in ("Uncertain (1)", "Failed (1)", "Done (2)", "t-3", "t-4", "slow <b>", "<script>no</script>"):
        assert text in page.text


def test_nothing_on_the_page_runs_or_is_loaded_from_elsewhere(page: Page, tmp_path: Path) -> None:
    assert {tag for tag, _ in page.tags} & {"script", "iframe", "object", "link", "form", "base"} == set()
    images = [attributes["src"] for tag, attributes in page.tags if tag == "img"]
    assert len(images) == 2
    assert all((tmp_path / str(source)).is_file() for source in images)
    for _, attributes in page.tags:
        assert not any(name.startswith("on") for name in attributes)
        assert not str(attributes.get("href", "")).startswith("javascript:")
    assert not re.search(r"url\(|@import", (tmp_path / "report.html").read_text())


@pytest.mark.parametrize("name", ["report.json", "report.html"])
def test_a_report_that_cannot_be_written_is_named_and_the_journal_is_whole(
    name: str, clock: Clock, tmp_path: Path
) -> None:
    (tmp_path / name / "in the way").mkdir(parents=True)
    with Server().client() as client:
        with pytest.raises(
            errors.JournalError, match=rf"The report \S*{name} cannot be written: .*run the batch again"
        ):
            client.batch(rows(2), tmp_path)
        (tmp_path / name / "in the way").rmdir()
        (tmp_path / name).rmdir()
        report = client.batch(rows(2), tmp_path)
    assert (report.complete, report.calls, report.credits) == (True, 4, 2)


def test_one_of_several_operations_has_to_be_named(clock: Clock, tmp_path: Path) -> None:
    class Several(Things):
        operations = {"start": START, "start_too": START, "look": LOOK}

    def client(server: Any) -> Several:
        return Several(api_key=KEY, transport=httpx.MockTransport(server))

    with client(Server()) as several:
        with pytest.raises(errors.ConfigurationError, match="name one of: start, start_too"):
            several.batch(rows(1), tmp_path)
        assert several.batch(rows(1), tmp_path, operation="start_too").complete
