"""openapi-python-client, driven: its parser and models as they are, our templates for what the facade needs."""

from __future__ import annotations

import contextlib
import copy
import io
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from jinja2 import BaseLoader, ChoiceLoader, Environment, FileSystemLoader, PackageLoader
from openapi_python_client import Project
from openapi_python_client.config import Config, ConfigFile, MetaType
from openapi_python_client.parser import GeneratorData
from openapi_python_client.parser.errors import GeneratorError

from spacely_runtime import LATE_HOMES, errors
from spacely_spec import Problem, Spec, SpecError

from ._code import is_model_import, through_models
from ._facade import Facade, build_facade
from ._messages import body_of, joined_parameters, replies_of
from ._one_way import require_only_what_travels

TEMPLATES = Path(__file__).parent / "templates"
PACKAGE = "spacely_client"

# Files that the generator knows nothing of; each has a template of its name.
_EXTRA = ["_operations.py", "__main__.py", "otel.py", "testing.py"]

# What the package offers of the runtime, and imports only when it is asked for: all but what its own code calls.
_LATE_NAMES = sorted(LATE_HOMES.keys() - {"RawCalls", "returning_raw", "returning_raw_async"})

# What the stock templates write that strict type checkers object to. Replaced when a template is loaded, and
# looked for first, so that a new version of the generator cannot make one of them stop applying in silence.
_PATCHES = {
    "model.py.jinja": [
        (
            "_attrs_field(init=False, factory=dict)",
            "_attrs_field(init=False, factory=dict[str, {{ additional_property_type }}])",
        ),
    ],
    "property_templates/list_property.py.jinja": [
        (
            "{{ property.python_name }} = []",
            "{{ property.python_name }} = list[{{ inner_property.get_type_string() | as_unembedded_code }}]()",
        ),
        ("{{ destination }} = []", "{{ destination }} = list[Any]()"),
    ],
    "property_templates/union_property.py.jinja": [
        (
            'inner_template.construct(inner_property, "data")',
            'inner_template.construct(inner_property, "cast(Any, data)")',
        ),
    ],
    "endpoint_macros.py.jinja": [("cookies = {}", "cookies: dict[str, Any] = {}")],
}


class GenerationError(Exception):
    """The generator cannot make a client of the contract; the message says why."""


class _PatchedLoader(BaseLoader):
    """The generator's own templates with the patches applied."""

    def __init__(self) -> None:
        self._stock = PackageLoader("openapi_python_client")

    def get_source(self, environment: Environment, template: str) -> tuple[str, str | None, Any]:
        source, filename, current = self._stock.get_source(environment, template)
        for old, new in _PATCHES.get(template, []):
            if old not in source:
                raise GenerationError(f"The stock template {template} no longer holds {old!r}; look at _PATCHES")
            source = source.replace(old, new)
        return source, filename, current


class _Project(Project):
    """A project whose client is ours."""

    def __init__(self, facade: Facade, data: GeneratorData, config: Config) -> None:
        super().__init__(openapi=data, config=config, custom_template_path=TEMPLATES)
        self.env.loader = ChoiceLoader([FileSystemLoader(str(TEMPLATES)), _PatchedLoader()])
        self.env.filters["code"] = repr
        self.env.filters["through_models"] = lambda code: through_models(code, facade.models)
        self.env.tests["of_model"] = is_model_import
        by_name = {method.module: method for method in facade.operations}
        self.env.globals.update(
            facade=facade,
            error_names=sorted(name for name in errors.__all__),
            late_names=_LATE_NAMES,
            body_of=body_of,
            replies_of=replies_of,
            spec_path=lambda endpoint: by_name[str(endpoint.name)].path,
            joined_parameters=lambda endpoint: joined_parameters(by_name[str(endpoint.name)].operation),
        )

    def _build_api(self) -> None:
        super()._build_api()
        for name in _EXTRA:
            text = self.env.get_template(f"{name}.jinja").render()
            (self.package_dir / name).write_text(text, encoding="utf-8")


def generate(spec: Spec, package: Path) -> None:
    """Write the client of a contract into a folder that does not exist yet.

    Raises:
        SpecError: The generator objects to the contract, if only by a warning.
        GenerationError: The generator or the formatter failed otherwise.
    """
    config = Config.from_sources(
        ConfigFile(package_name_override=PACKAGE, post_hooks=[]), MetaType.NONE, spec.path, "utf-8", False, package
    )
    document = copy.deepcopy(dict(spec.document))
    require_only_what_travels(document)
    with contextlib.redirect_stdout(io.StringIO()):
        data = GeneratorData.from_dict(document, config=config)
        if isinstance(data, GeneratorError):
            raise SpecError([_problem(spec, data)])
        found = [error for collection in data.endpoint_collections_by_tag.values() for error in collection.parse_errors]
        found += data.errors
        if found:
            raise SpecError([_problem(spec, error) for error in found])
        complaints = _Project(build_facade(spec, data), data, config).build()
    if complaints:
        raise SpecError([_problem(spec, error) for error in complaints])
    (package / "py.typed").touch()
    (package / ".gitignore").unlink(missing_ok=True)
    _format(package)
    _mark(package, spec)


def _problem(spec: Spec, error: GeneratorError) -> Problem:
    """What the generator says, at the line it is about where it names an operation."""
    told = " ".join(part.strip() for part in (error.header, error.detail or "") if part and part.strip())
    place = re.search(r"parsing ([A-Z]+) (\S+) within", error.header or "")
    pointer = ""
    if place is not None:
        pointer = next(
            (each.pointer for each in spec.operations if (each.method, each.path) == (place[1], place[2])), ""
        )
    return spec.problem(
        pointer,
        f"openapi-python-client cannot turn this into a client: {told}",
        "write it in a form the generator supports; nothing is generated while a part of the contract is left out",
    )


def _format(package: Path) -> None:
    # The formatter is part of what determines the output: its version is pinned, and no setting reaches it.
    ruff = [sys.executable, "-m", "ruff"]
    options = ["--isolated", "--no-cache", "--line-length=120", "--target-version=py311", str(package)]
    for step in (["check", "--fix-only", "--select=F401,I,UP034,PIE790,TC005"], ["format"]):
        done = subprocess.run([*ruff, *step, *options], capture_output=True, text=True, check=False)
        if done.returncode:
            raise GenerationError(f"ruff {step[0]} failed on the generated code: {done.stderr or done.stdout}")


def _mark(package: Path, spec: Spec) -> None:
    header = f"# Generated by scripts/regenerate from {spec.path.name}. Do not edit: change that, and generate again.\n"
    for path in sorted(package.rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        path.write_text(f"{header}\n{text}" if text.startswith(("from", "import")) else header + text, encoding="utf-8")
