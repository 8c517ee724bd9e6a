"""Files: what is no contract at all is refused with a sentence, and what JSON can say is read as JSON has it."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from spacely_spec import SpecError, load
from spacely_spec._source import read_source

from .conftest import problems_of


def written(folder: Path, content: str | bytes) -> Path:
    path = folder / "contract.yaml"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


@pytest.mark.parametrize(
    ("content", "line", "message"),
    [
        ("", None, "is empty"),
        ("# a comment\n", None, "is empty"),
        ("- openapi: 3.0.3\n", 1, "is not an OpenAPI document"),
        ("\nopenapi 3.0.3\n", 2, "is not an OpenAPI document"),
        ("name: x\n", 1, "is not an OpenAPI document"),
        ("openapi: [3.0.3\n", 2, "is not YAML"),
        ("openapi: 3.0.3\n  info: x\n", 2, "is not YAML: mapping values are not allowed here (column 7)"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", None, "is not YAML"),
        (b"openapi: \xff\xfe", None, "is not YAML"),
        ("[" * 100_000, None, "is nested too deeply"),
        ("openapi: " + "{a: " * 5_000, None, "is nested too deeply"),
    ],
    ids=[
        "empty",
        "comment",
        "list",
        "text",
        "other mapping",
        "open list",
        "indent",
        "png",
        "not utf-8",
        "deep",
        "deeper",
    ],
)
def test_what_is_no_contract_is_refused_with_a_sentence(
    tmp_path: Path, content: str | bytes, line: int | None, message: str
) -> None:
    (problem,) = problems_of(written(tmp_path, content))
    assert problem.line == line
    assert problem.message.startswith(message)
    assert "\n" not in problem.message
    assert problem.remedy


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    (problem,) = problems_of(tmp_path / "gone.yaml")
    assert str(problem).startswith(f"{tmp_path / 'gone.yaml'}: cannot be read: No such file")
    assert "give the path of a file that can be read" in problem.remedy


def test_a_directory_is_named(tmp_path: Path) -> None:
    (problem,) = problems_of(tmp_path)
    assert problem.message.startswith("cannot be read: ")


def test_a_path_that_no_file_can_have_is_refused(tmp_path: Path) -> None:
    (problem,) = problems_of(tmp_path / "a\0b")
    assert problem.message.startswith("cannot be read: ")


def test_a_file_that_may_not_be_read_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def deny(_: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", deny)
    (problem,) = problems_of(tmp_path / "contract.yaml")
    assert problem.message == "cannot be read: Permission denied"


def test_aliases_that_multiply_are_refused_at_once(tmp_path: Path) -> None:
    levels = "".join(f"x-{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 10)}]\n" for n in range(1, 30))
    started = time.monotonic()
    (problem,) = problems_of(written(tmp_path, f"openapi: 3.0.3\nx-0: &l0 lol\n{levels}"))
    assert "aliases stand for more than" in problem.message
    assert time.monotonic() - started < 10


def test_ordinary_aliases_are_read(tmp_path: Path) -> None:
    source = read_source(written(tmp_path, "a: &word {b: 1}\nc: *word\n"))
    assert source.document == {"a": {"b": 1}, "c": {"b": 1}}


def test_scalars_are_read_as_json_has_them(tmp_path: Path) -> None:
    text = "{200: no, on: 2024-05-17, a: 0755, b: 1:30, c: 1e3, d: -1.5, e: ~, f: True, g: 1_000, h: =, i: 0x1F, j: -0}"
    assert read_source(written(tmp_path, text)).document == {
        "200": "no",
        "on": "2024-05-17",
        "a": "0755",
        "b": "1:30",
        "c": 1000.0,
        "d": -1.5,
        "e": None,
        "f": True,
        "g": "1_000",
        "h": "=",
        "i": "0x1F",
        "j": 0,
    }


def test_json_is_yaml_with_a_byte_order_mark_and_other_line_ends(tmp_path: Path) -> None:
    source = read_source(written(tmp_path, b'\xef\xbb\xbf{\r\n"a": {"b/c": [1,\r\n2]}}\r\n'))
    assert source.document == {"a": {"b/c": [1, 2]}}
    assert source.line("/a/b~1c/1") == 3
    assert source.line("/a/b~1c/7") == 2
    assert source.line("/z") == 1


def test_all_problems_are_in_the_message_of_the_error(tmp_path: Path) -> None:
    path = written(tmp_path, "a: 1\na: 2\nb: .nan\n")
    with pytest.raises(SpecError) as caught:
        load(path)
    assert [(problem.line, problem.pointer) for problem in caught.value.problems] == [(2, "/a"), (3, "/b")]
    assert str(caught.value) == (
        f"{path}:2: the key 'a' stands here twice (at /a)\n  remedy: keep one of the two\n"
        f"{path}:3: .nan is no number that JSON has (at /b)\n  remedy: write a finite number"
    )
