"""scripts/spec-diff: what a change of the contract does on the wire, to Python callers, and to the version."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
CONTRACT = (ROOT / "openapi.yaml").read_text()

needs_node = pytest.mark.skipif(
    shutil.which("npx") is None, reason="Redocly's diff comes through npx, and so with Node"
)


def run(*arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [ROOT / "scripts" / "spec-diff", *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **environment},
    )


def edited(old: str, new: str, text: str = CONTRACT) -> str:
    assert old in text
    return text.replace(old, new)


def git(folder: Path, *words: str) -> None:
    name = ["-c", "user.name=A", "-c", "user.email=a@example.com"]
    subprocess.run(["git", *name, *words], cwd=folder, check=True, capture_output=True)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A repository whose main branch has the contract, at version 0.1.0."""
    (tmp_path / "openapi.yaml").write_text(CONTRACT)
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "x"\nversion = "0.1.0"\n')
    git(tmp_path, "init", "--initial-branch=main")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "--message=Begin")
    return tmp_path


def without_node(tmp_path: Path) -> str:
    """A PATH that has what the script needs, and no npx."""
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in ("sh", "dirname", "cat", "cksum", "git"):
        (tools / name).symlink_to(shutil.which(name) or name)
    return str(tools)


EDITS = {
    "a property becomes required": (
        "required: [model, imageUrl, renovateType]",
        "required: [model, imageUrl, renovateType, prompt]",
        ("major", "major"),
    ),
    "a schema gets another name": ("RenovateType", "RoomKind", ("patch", "major")),
    "an optional property is new": (
        "        nPrompt:\n",
        "        seed:\n          type: integer\n        nPrompt:\n",
        ("minor", "minor"),
    ),
    "a job is done at another status": ("/status == 'success'", "/status == 'processing'", ("major", "patch")),
    "the rate limit is lower": ("  requests: 100\n", "  requests: 50\n", ("major", "patch")),
    "keys match another pattern": ("x-key-pattern: ^sk-", "x-key-pattern: ^pk-", ("major", "none")),
    "a text changes": ("The type of renovation.", "The kind of renovation.", ("patch", "patch")),
    "a status of an answer is new": (
        "enum: [processing, success, failed]",
        "enum: [processing, success, failed, queued]",
        ("major", "minor"),
    ),
}


@needs_node
@pytest.mark.parametrize(("old", "new", "bumps"), EDITS.values(), ids=EDITS)
def test_each_side_is_told_what_a_change_is_worth(tmp_path: Path, old: str, new: str, bumps: tuple[str, str]) -> None:
    (tmp_path / "base.yaml").write_text(CONTRACT)
    (tmp_path / "new.yaml").write_text(edited(old, new))
    done = run(tmp_path / "base.yaml", "--spec", tmp_path / "new.yaml", "--json", tmp_path / "found.json")
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads((tmp_path / "found.json").read_text())
    order = ["none", "patch", "minor", "major"]

    def worth(side: str) -> str:
        return max((change["bump"] for change in found[side]), key=order.index, default="none")

    assert (worth("wire"), worth("python")) == bumps
    assert found["bump"] == max(bumps, key=order.index)


@needs_node
def test_a_version_that_does_not_tell_of_a_breaking_change_fails(project: Path) -> None:
    (project / "openapi.yaml").write_text(edited(*EDITS["a property becomes required"][:2]))
    comment = project / "comment.md"
    done = run("main", "--spec", project / "openapi.yaml", "--markdown", comment)
    assert done.returncode == 1, done.stderr
    assert "the version is 0.2.0 at least; 0.1.0 in pyproject.toml is too small: raise it" in done.stdout
    assert "- **Breaking:** `Spacely.generate_advance(prompt)`: parameter is now required." in comment.read_text()

    (project / "pyproject.toml").write_text('[project]\nname = "x"\nversion = "0.2.0"\n')
    assert run("main", "--spec", project / "openapi.yaml").returncode == 0


def test_a_contract_that_did_not_change_needs_no_version(project: Path) -> None:
    done = run("--spec", project / "openapi.yaml")
    assert done.returncode == 0, done.stderr
    assert "Nothing changed, so the version may stay." in done.stdout


def test_what_main_did_since_is_not_taken_for_a_change_of_ours(project: Path) -> None:
    git(project, "switch", "--create", "ours")
    git(project, "switch", "main")
    (project / "openapi.yaml").write_text(edited(*EDITS["a schema gets another name"][:2]))
    git(project, "commit", "--all", "--message=Rename")
    git(project, "switch", "ours")
    assert "Nothing changed" in run("main", "--spec", project / "openapi.yaml").stdout


def test_without_node_it_says_what_it_leaves_out_and_does_the_rest(project: Path, tmp_path: Path) -> None:
    (project / "openapi.yaml").write_text(edited(*EDITS["a schema gets another name"][:2]))
    done = run("main", "--spec", project / "openapi.yaml", PATH=without_node(tmp_path))
    assert done.returncode == 1, done.stderr
    assert "On the wire: no change in the little that was looked at" in done.stdout
    assert "Left out: most of what changed on the wire, because npx is not here" in done.stdout
    assert "`RenovateType`: public object was removed." in done.stdout


def test_without_node_an_unchanged_contract_is_still_unchanged(project: Path, tmp_path: Path) -> None:
    done = run("main", "--spec", project / "openapi.yaml", PATH=without_node(tmp_path))
    assert "Left out" not in done.stdout
    assert "Nothing changed, so the version may stay." in done.stdout


def test_the_entry_for_the_changelog_has_its_sections_and_no_trifles(project: Path, tmp_path: Path) -> None:
    text = edited(*EDITS["an optional property is new"][:2])
    (project / "openapi.yaml").write_text(edited(*EDITS["a text changes"][:2], text))
    entry = run("main", "--spec", project / "openapi.yaml", PATH=without_node(tmp_path)).stdout.partition(
        "CHANGELOG.md:\n\n"
    )[2]
    assert entry.splitlines()[:2] == ["### Added", ""]
    assert "- `Spacely.generate_advance` takes `seed`." in entry
    assert "Texts" not in entry


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["no-such-thing"], "no-such-thing: neither a file nor a revision of git"),
        (["--spec", "no-such-file.yaml"], "no-such-file.yaml"),
    ],
)
def test_what_cannot_be_compared_is_named(arguments: list[str], says: str) -> None:
    done = run(*arguments)
    assert done.returncode == 2
    assert says in done.stderr
    assert "Traceback" not in done.stderr


def test_a_contract_in_no_repository_has_no_revision_to_be_compared_with(
    project: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    outside = tmp_path_factory.mktemp("outside") / "openapi.yaml"
    outside.write_text(CONTRACT)
    done = run("HEAD", "--spec", outside)
    assert done.returncode == 2
    assert f"{outside} is in no git repository" in done.stderr
    (project / "new.yaml").write_text(CONTRACT)
    done = run("HEAD", "--spec", project / "new.yaml")
    assert done.returncode == 2
    assert f"{project / 'new.yaml'} is not in revision" in done.stderr


@pytest.mark.parametrize(("new", "bump"), [("^sk-l", "major"), ("", "minor")])
def test_keys_that_match_another_pattern_are_a_change_on_the_wire(new: str, bump: str, tmp_path: Path) -> None:
    line = next(line for line in CONTRACT.splitlines(keepends=True) if "x-key-pattern:" in line)
    (tmp_path / "old.yaml").write_text(CONTRACT)
    changed = line.partition(":")[0] + f": {new}\n" if new else ""
    (tmp_path / "new.yaml").write_text(edited(line, changed))
    old, new_one, found = (tmp_path / name for name in ("old.yaml", "new.yaml", "found.json"))
    done = run(old, "--spec", new_one, "--json", found, PATH=without_node(tmp_path))
    assert done.returncode == 0, done.stderr
    assert [change["bump"] for change in json.loads(found.read_text())["wire"]] == [bump]


def test_a_broken_contract_is_told_in_the_words_of_every_other_command(project: Path) -> None:
    (project / "openapi.yaml").write_text(edited("openapi: 3.0.3", "openapi: 9"))
    done = run("main", "--spec", project / "openapi.yaml")
    assert done.returncode == 2
    assert "openapi.yaml" in done.stderr
    assert "Traceback" not in done.stderr


def test_redocly_has_one_version_in_all_scripts() -> None:
    texts = [(ROOT / "scripts" / name).read_text() for name in ("lint-spec", "spec_diff/_wire.py")]
    versions = {found for text in texts for found in re.findall(r"@redocly/cli@([\d.]+)", text)}
    assert len(versions) == 1
