"""scripts/regenerate: the same bytes for the same contract, whole or not at all, and clear words for a broken one."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
COMMITTED = ROOT / "generated" / "spacely_client"


def regenerate(*arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [ROOT / "scripts" / "regenerate", *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **environment},
    )


def files(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def spec_with(tmp_path: Path, old: str, new: str) -> Path:
    text = (ROOT / "openapi.yaml").read_text()
    assert old in text
    path = tmp_path / "openapi.yaml"
    path.write_text(text.replace(old, new))
    return path


@pytest.mark.parametrize("hash_seed", ["1", "2"])
def test_the_contract_gives_the_committed_client_to_the_byte(tmp_path: Path, hash_seed: str) -> None:
    done = regenerate("--output", tmp_path, PYTHONHASHSEED=hash_seed)
    assert done.returncode == 0, done.stderr
    assert files(tmp_path / "spacely_client") == files(COMMITTED)


def test_check_passes_on_what_the_contract_gives_and_writes_nothing() -> None:
    before = {path: path.stat().st_mtime_ns for path in COMMITTED.rglob("*.py")}
    done = regenerate("--check")
    assert (done.returncode, done.stderr) == (0, "")
    assert {path: path.stat().st_mtime_ns for path in COMMITTED.rglob("*.py")} == before


def test_check_shows_what_was_changed_added_or_removed_by_hand(tmp_path: Path) -> None:
    shutil.copytree(COMMITTED, tmp_path / "spacely_client")
    package = tmp_path / "spacely_client"
    (package / "client.py").write_text((package / "client.py").read_text().replace("n_prompt", "negative"))
    (package / "stale.py").write_text("old = True\n")
    (package / "py.typed").unlink()
    before = files(package)
    done = regenerate("--check", "--output", tmp_path)
    assert done.returncode == 1
    assert "-        negative: str | Unset = UNSET," in done.stdout
    assert "+        n_prompt: str | Unset = UNSET," in done.stdout
    assert "-old = True" in done.stdout
    assert "py.typed" in done.stdout
    assert "run scripts/regenerate" in done.stderr
    assert files(package) == before


def test_a_stale_file_does_not_outlive_the_next_run(tmp_path: Path) -> None:
    shutil.copytree(COMMITTED, tmp_path / "spacely_client")
    (tmp_path / "spacely_client" / "models" / "stale.py").write_text("")
    assert regenerate("--output", tmp_path).returncode == 0
    assert files(tmp_path / "spacely_client") == files(COMMITTED)
    assert [path.name for path in tmp_path.iterdir()] == ["spacely_client"]


def test_the_client_says_what_it_was_made_from() -> None:
    record = json.loads((COMMITTED / "generated.json").read_text())
    assert record["generator"]["openapi-python-client"] == "0.29.1"
    assert set(record) == {"spec", "generator", "driver"}
    assert len(record["spec"]["sha256"]) == len(record["driver"]["sha256"]) == 64


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("openapi: 3.0.3", "openapi: 3.1.0", "OpenAPI 3.1.0 is not supported"),
        ("operationId: pollResult\n      tags", "operationId: generateAdvance\n      tags", "generateAdvance"),
        ("operationId: pollResult\n              desc", "operationId: nothing\n              desc", "does not exist"),
        ("== 'success'", "is success", "criterion"),
        ("renovateType: residential", "renovateType: industrial", "industrial"),
    ],
    ids=["version", "operationId twice", "link to nowhere", "criterion", "example"],
)
def test_a_broken_contract_is_told_with_file_line_and_remedy_and_leaves_the_old_client(
    tmp_path: Path, old: str, new: str, words: str
) -> None:
    output = tmp_path / "out"
    shutil.copytree(COMMITTED, output / "spacely_client")
    spec = spec_with(tmp_path, old, new)
    done = regenerate("--spec", spec, "--output", output)
    assert done.returncode == 2
    assert words in done.stderr
    text = spec.read_text()
    line = text[: text.rindex(new)].count("\n") + 1
    assert f"{spec}:{line}:" in done.stderr
    assert "remedy: " in done.stderr
    assert "Nothing was written." in done.stderr
    assert "Traceback" not in done.stderr
    assert files(output / "spacely_client") == files(COMMITTED)


def test_what_the_generator_only_warns_of_fails_and_names_the_operation(tmp_path: Path) -> None:
    spec = spec_with(
        tmp_path,
        "        content:\n          application/json:\n            schema:\n"
        "              $ref: '#/components/schemas/GenerateAdvanceRequest'",
        "        content:\n          application/xml: {schema: {type: string}}\n          application/json:\n"
        "            schema:\n              $ref: '#/components/schemas/GenerateAdvanceRequest'",
    )
    done = regenerate("--spec", spec, "--output", tmp_path / "out")
    assert done.returncode == 2
    assert "openapi-python-client cannot turn this into a client" in done.stderr
    assert not (tmp_path / "out" / "spacely_client").exists()


@pytest.mark.parametrize(("name", "words"), [("missing.yaml", "cannot be read"), (".", "cannot be read")])
def test_a_contract_that_is_no_file_is_told(tmp_path: Path, name: str, words: str) -> None:
    done = regenerate("--spec", tmp_path / name, "--output", tmp_path / "out")
    assert done.returncode == 2
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_a_folder_that_holds_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "spacely_client").mkdir()
    (tmp_path / "spacely_client" / "letters.txt").write_text("dear")
    done = regenerate("--output", tmp_path)
    assert done.returncode == 2
    assert "no generated client" in done.stderr
    assert (tmp_path / "spacely_client" / "letters.txt").read_text() == "dear"


def test_a_run_that_was_killed_between_its_two_renames_is_made_good_by_the_next(tmp_path: Path) -> None:
    shutil.copytree(COMMITTED, tmp_path / ".spacely_client.old")
    done = regenerate("--check", "--output", tmp_path)
    assert done.returncode == 0, done.stderr
    assert files(tmp_path / "spacely_client") == files(COMMITTED)
    assert not (tmp_path / ".spacely_client.old").exists()
