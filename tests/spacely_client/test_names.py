"""The names that people import are all there, and nothing else is."""

from __future__ import annotations

import inspect
import subprocess
import sys
from pathlib import Path
from typing import get_args, get_type_hints

import pytest

import spacely_client
import spacely_runtime
from spacely_client import errors, models
from spacely_runtime import errors as runtime_errors


@pytest.mark.parametrize(
    "module",
    [spacely_client, spacely_client.errors, models, spacely_client.types, spacely_runtime, runtime_errors],
    ids=lambda module: module.__name__,
)
def test_all_lists_what_is_there_once_and_sorted(module: object) -> None:
    listed = list(module.__all__)  # type: ignore[attr-defined]
    assert sorted(set(listed)) == sorted(listed)
    assert [name for name in listed if not hasattr(module, name)] == []


def test_every_error_of_the_tree_is_exported_and_drawn() -> None:
    tree = {
        name for name, each in vars(runtime_errors).items() if inspect.isclass(each) and issubclass(each, Exception)
    }
    assert tree == set(runtime_errors.__all__) - {"Violation"}
    assert set(errors.__all__) == set(runtime_errors.__all__)
    assert set(runtime_errors.__all__) <= set(spacely_client.__all__)
    drawn = runtime_errors.__doc__ or ""
    assert [name for name in tree if name not in drawn] == []


def test_every_error_of_the_tree_has_its_root() -> None:
    for name in set(runtime_errors.__all__) - {"Violation"}:
        assert issubclass(getattr(runtime_errors, name), runtime_errors.ClientError)


def test_the_two_clients_have_the_same_methods_with_the_same_arguments() -> None:
    def methods(client: type) -> dict[str, list[str]]:
        return {
            name: list(inspect.signature(each).parameters)
            for name, each in inspect.getmembers(client, inspect.isfunction)
            if not name.startswith("_")
        }

    assert methods(spacely_client.Spacely) == methods(spacely_client.AsyncSpacely)
    assert {"batch", "generate_advance", "poll_result", "job", "close"} == set(methods(spacely_client.Spacely))


def test_the_packages_are_marked_as_typed() -> None:
    for package in (spacely_client, spacely_runtime):
        assert (Path(package.__file__ or "").parent / "py.typed").exists()


def test_the_client_imports_no_more_than_its_own_dependencies() -> None:
    code = (
        "import sys, spacely_client; "
        "print(sorted({n.partition('.')[0] for n in sys.modules} & {'cyclopts','yaml','connexion','starlette',"
        "'PIL','spacely_mock','spacely_spec','pydantic','jsonschema','asyncio','sqlite3','redis','opentelemetry',"
        "'jsonschema_rs','attrs'}), 'spacely_runtime.hooks' in sys.modules)"
    )
    assert in_a_fresh_process(code) == "[] False"


def test_a_model_is_imported_when_it_is_first_asked_for_however_it_is_asked_for() -> None:
    asked = [
        "from spacely_client.models import JobStatus",
        "from spacely_client.models import *",
        "from spacely_client import *; JobStatus = models.JobStatus",
        "import spacely_client; JobStatus = spacely_client.models.JobStatus",
        "import spacely_client; JobStatus = spacely_client.models.job_status.JobStatus",
        "import pickle; JobStatus = pickle.loads(b'cspacely_client.models.job_status\\nJobStatus\\n.')",
    ]
    for way in asked:
        assert in_a_fresh_process(f"{way}; print(JobStatus('success').is_known)") == "True", way


def test_the_models_are_listed_before_any_is_imported() -> None:
    code = "from spacely_client import models; print(set(models.__all__) <= set(dir(models)), hasattr(models, 'Other'))"
    assert in_a_fresh_process(code) == "True False"


@pytest.mark.parametrize("client", [spacely_client.Spacely, spacely_client.AsyncSpacely])
def test_the_types_in_a_signature_can_be_looked_up_at_run_time(client: type) -> None:
    hints = get_type_hints(vars(client)["generate_advance"])
    assert models.RenovateType in get_args(hints["renovate_type"])
    assert get_args(hints["return"]) == (models.PollResultResponse,)


def in_a_fresh_process(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.strip()
