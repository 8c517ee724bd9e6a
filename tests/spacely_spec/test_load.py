"""Whole contracts: those that must be taken, those that must be refused, and what loading one costs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from openapi_spec_validator import OpenAPIV30SpecValidator

from spacely_spec import load

from .conftest import OPENAPI, ROOT, line_of, problems_of

SPECS = ROOT / "tests" / "specs"
GROWTH = sorted((SPECS / "growth").glob("*.yaml"))
BROKEN = sorted((SPECS / "broken").glob("*.yaml"))


def test_there_are_contracts_to_take_and_to_refuse() -> None:
    assert len(GROWTH) >= 6
    assert len(BROKEN) >= 9


@pytest.mark.parametrize("path", [OPENAPI, *GROWTH], ids=lambda path: path.stem)
def test_a_whole_contract_is_taken_and_the_openapi_validator_agrees(path: Path) -> None:
    spec = load(path)
    assert [str(error) for error in OpenAPIV30SpecValidator(dict(spec.document)).iter_errors()] == []


@pytest.mark.parametrize("path", BROKEN, ids=lambda path: path.stem)
def test_a_broken_file_is_refused_with_the_message_in_its_first_line(path: Path) -> None:
    (problem,) = problems_of(path)
    message = path.read_text(encoding="utf-8").splitlines()[0].removeprefix("# ")
    assert message in problem.message
    assert problem.line == line_of(path, "# here")


def test_every_contract_is_listed_in_the_readme() -> None:
    readme = (SPECS / "README.md").read_text(encoding="utf-8")
    assert [path.name for path in GROWTH if f"`{path.name}`" not in readme] == []


def test_loading_does_not_import_what_is_slow_to_import() -> None:
    # The mock loads a contract each time it starts; these alone would more than double its time to start.
    code = (
        "import sys; from spacely_spec import load; load(sys.argv[1]); "
        "print(sorted({'openapi_spec_validator', 'jsonschema', 'connexion', 'requests', 'httpx'} & sys.modules.keys()))"
    )
    run = subprocess.run([sys.executable, "-c", code, OPENAPI], check=True, capture_output=True, text=True)
    assert run.stdout.strip() == "[]"


def test_the_contract_reads_as_it_is_written() -> None:
    spec = load(OPENAPI)
    assert spec.source == OPENAPI.read_bytes()
    assert (spec.sdk_name, spec.base_path, spec.servers) == ("Spacely", "/api/v1", ("https://api.spacely.ai/api/v1",))
    assert spec.rate_limit is not None
    assert (spec.rate_limit.requests, spec.rate_limit.seconds) == (100, 1.0)
    submit, poll = spec.operations
    assert (submit.id, submit.method, submit.path) == ("generateAdvance", "POST", "/generate/advance")
    assert (poll.id, poll.method, poll.path) == ("pollResult", "GET", "/generate/poll-result")
    assert spec.operation("pollResult") is poll
    assert poll.polling is None
    assert list(submit.responses) == ["200", "400", "401", "500"]
    assert submit.body is not None
    assert submit.body.required
    assert list(submit.body.content["application/json"].examples) == ["vendor"]
    ((scheme,),) = submit.security
    assert (scheme.location, scheme.name, scheme.prefix, scheme.key_pattern) == ("header", "X-API-KEY", "", "^sk-")
    (ref_id,) = poll.parameters
    assert (ref_id.name, ref_id.location, ref_id.required, ref_id.style, ref_id.explode) == (
        *("refId", "query", True, "form", True),
    )
    assert list(ref_id.examples) == ["default"]


def test_the_polling_link_reads_as_it_is_written() -> None:
    polling = load(OPENAPI).operation("generateAdvance").polling
    assert polling is not None
    assert (polling.link, polling.status, polling.target, polling.parameter) == ("result", "200", "pollResult", "refId")
    assert polling.job_id.text == "$response.body#/data"
    assert (polling.delay_seconds, polling.interval_seconds, polling.timeout_seconds) == (2.0, 2.0, 600.0)
    assert [criterion.value for criterion in polling.success] == ["success"]
    assert [criterion.value for criterion in polling.failure] == ["failed"]
    assert polling.result is not None
    assert polling.result.key == "/data/result"


def test_what_a_link_leaves_out_has_a_default_and_a_qualified_parameter_its_plain_name() -> None:
    polling = load(SPECS / "growth" / "integer_job.yaml").operation("draw-plan").polling
    assert polling is not None
    assert (polling.parameter, polling.constants) == (
        "job-number",
        {"unit": "metre", "detailed": True, "layers": [1, 2]},
    )
    assert (polling.delay_seconds, polling.interval_seconds, polling.timeout_seconds) == (1.0, 0.5, 600.0)
    assert polling.result is None


def test_a_name_is_made_of_the_title_where_none_is_given() -> None:
    assert load(SPECS / "growth" / "bearer.yaml").sdk_name == "NightRenders"


def test_a_bearer_scheme_is_a_header_with_a_prefix() -> None:
    spec = load(SPECS / "growth" / "bearer.yaml")
    ((scheme,),) = spec.operations[0].security
    assert (scheme.type, scheme.location, scheme.name, scheme.prefix) == ("http", "header", "Authorization", "Bearer ")
    assert spec.base_path == ""


CONTRACT = """
openapi: 3.0.0
info: {title: Trees, version: '1'}
servers: [{url: 'https://{region}.example.com/v1/', variables: {region: {default: eu}}}]
security: [{A: [], B: []}, {}]
x-anything: {$ref: not a reference here}
paths:
  x-note: not a path
  /trees/{id}:
    parameters:
      - {name: id, in: path, required: true, schema: {type: string}}
      - {name: depth, in: query, schema: {type: integer}}
    get:
      operationId: getTree
      parameters:
        - $ref: '#/components/parameters/Depth'
        - {name: sort, in: query, style: pipeDelimited, schema: {type: array, items: {type: string}}}
      responses:
        x-note: not a response
        '200':
          description: A tree.
          headers: {X-Rate: {$ref: '#/components/headers/Rate'}}
          content: {application/json: {schema: {$ref: '#/components/schemas/Tree'}}}
          links: {self: {operationId: getTree, parameters: {id: $request.path.id}}}
        4XX: {description: Not a tree.}
components:
  parameters: {Depth: {name: depth, in: query, schema: {type: integer, minimum: 1}, example: 3}}
  headers: {Rate: {schema: {type: integer}}}
  securitySchemes:
    A: {type: apiKey, in: cookie, name: a}
    B: {type: apiKey, in: query, name: b}
  schemas:
    Tree:
      type: object
      properties:
        $ref: {type: string}
        example: {type: string, example: oak}
        children: {type: array, items: {$ref: '#/components/schemas/Tree'}}
        first: {$ref: '#/components/schemas/Tree/properties/children/items'}
        x-note: {$ref: '#/components/schemas/a%2Eb'}
      example: {$ref: a plain text, children: [{children: []}]}
    a.b: {type: string}
"""


def test_a_recursive_contract_with_unusual_names_and_references_is_taken(tmp_path: Path) -> None:
    path = tmp_path / "trees.yaml"
    path.write_text(CONTRACT, encoding="utf-8")
    spec = load(path)
    (tree,) = spec.operations
    assert spec.servers == ("https://eu.example.com/v1",)
    assert spec.base_path == "/v1"
    assert [(p.name, p.schema.get("minimum")) for p in tree.parameters] == [("id", None), ("depth", 1), ("sort", None)]
    assert [(p.style, p.explode) for p in tree.parameters] == [
        *(("simple", False), ("form", True), ("pipeDelimited", False)),
    ]
    assert list(tree.responses) == ["200", "4XX"]
    assert tree.responses["200"].headers == {"X-Rate": {"type": "integer"}}
    assert [[scheme.id for scheme in alternative] for alternative in tree.security] == [["A", "B"], []]
    assert tree.polling is None
