"""The contract itself: valid, complete, and true to the vendor's two pages."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from openapi_spec_validator import OpenAPIV30SpecValidator

from spacely_spec import Spec, SpecError, load, read_pointer
from spacely_spec._places import Place, places

OPENAPI = Path(__file__).parents[2] / "openapi.yaml"
SUBMIT = "/paths/~1generate~1advance/post"
POLL = "/paths/~1generate~1poll-result/get"


@pytest.fixture(scope="module")
def spec() -> Spec:
    return load(OPENAPI)


def test_it_is_valid_openapi(spec: Spec) -> None:
    OpenAPIV30SpecValidator(dict(spec.document)).validate()


def test_every_example_fits_its_schema_and_a_broken_one_would_be_caught(tmp_path: Path) -> None:
    load(OPENAPI)
    document = yaml.safe_load(OPENAPI.read_text(encoding="utf-8"))
    broken = 0
    for place in places(document):
        for keyword in place.node.keys() & {"example", "examples"}:
            seeded = copy.deepcopy(document)
            node = read_pointer(seeded, place.pointer)
            if keyword == "example":
                node["example"] = ["no", {"text": 1}]
            else:
                next(iter(node["examples"].values()))["value"] = ["no", {"text": 1}]
            path = tmp_path / "broken.json"
            path.write_text(json.dumps(seeded), encoding="utf-8")
            with pytest.raises(SpecError, match="the example breaks its schema"):
                load(path)
            broken += 1
    assert broken >= 8


# What the vendor's pages show, word for word.
REQUEST = """{
    "model": "spacely-v1",
    "imageUrl": "https://storage.googleapis.com/spacely/public/image/roomstyle3/bathroom-modern.jpg",
    "prompt": "mid_century",
    "nPrompt": "",
    "renovateType": "residential"
}"""
ACCEPTED = """{
  "data": "63d17492-43d9-4161-0000-b067be1316dc"
}"""
SUCCESS = """{
  "data": {
    "status": "success",
    "result": [
      "https://storage.googleapis.com/spacely-enterprise/c18302f5-a9de-422d-000/ea6abee1-ed4b-4ca8-994e-2c215150bf9e-1.png",
      "https://storage.googleapis.com/spacely-enterprise/c18302f5-a9de-422d-000/ea6abee1-ed4b-4ca8-994e-2c215150bf9e-2.png",
      "https://storage.googleapis.com/spacely-enterprise/c18302f5-a9de-422d-000/ea6abee1-ed4b-4ca8-994e-2c215150bf9e-3.png",
      "https://storage.googleapis.com/spacely-enterprise/c18302f5-a9de-422d-000/ea6abee1-ed4b-4ca8-994e-2c215150bf9e-4.png"
    ]
  }
}"""
PROCESSING = """{
  "data": {
    "status": "processing",
    "result": []
  }
}"""


@pytest.mark.parametrize(
    ("pointer", "vendor"),
    [
        (f"{SUBMIT}/requestBody/content/application~1json/examples/vendor/value", REQUEST),
        (f"{SUBMIT}/responses/200/content/application~1json/examples/accepted/value", ACCEPTED),
        (f"{POLL}/responses/200/content/application~1json/examples/success/value", SUCCESS),
        (f"{POLL}/responses/200/content/application~1json/examples/processing/value", PROCESSING),
        (f"{POLL}/parameters/0/example", '"068e3933-4aeb-4b4d-a473-9f8fa9f2d20a"'),
    ],
    ids=["request", "accepted", "success", "processing", "refId"],
)
def test_the_vendors_examples_stand_there_word_for_word(spec: Spec, pointer: str, vendor: str) -> None:
    example = read_pointer(spec.document, pointer)
    assert example == json.loads(vendor)
    if isinstance(example, dict):
        assert list(example) == list(json.loads(vendor)), "in the vendor's order"


def test_every_operation_names_its_security_itself(spec: Spec) -> None:
    # The generator reads it there only.
    assert [operation.id for operation in spec.operations if operation.raw.get("security") != [{"ApiKey": []}]] == []


def test_no_operation_has_a_default_response(spec: Spec) -> None:
    # With one, a contract test could not tell a documented status from any other.
    assert [operation.id for operation in spec.operations if "default" in operation.responses] == []


def test_what_should_be_described_is_described(spec: Spec) -> None:
    assert list(_undescribed(spec.document)) == []


def test_a_description_that_is_missing_is_missed(spec: Spec) -> None:
    described = [place for place in places(spec.document) if _needs_description(place)]
    for place in described:
        seeded = copy.deepcopy(dict(spec.document))
        target = place.node.get("$ref", "#" + place.pointer)
        del read_pointer(seeded, target[1:])["description"]
        assert place.pointer in list(_undescribed(seeded))
    assert len(described) >= 15


def _needs_description(place: Place) -> bool:
    is_property = place.kind == "schemas" and place.pointer.split("/")[-2] == "properties"
    return is_property or place.kind in {"operations", "parameters", "responses", "securitySchemes", "links"}


def _undescribed(document: Any) -> Iterator[str]:
    """Where a description is due, here or in what is referred to, and there is none."""
    for place in places(document):
        target = read_pointer(document, place.node["$ref"][1:]) if "$ref" in place.node else place.node
        if _needs_description(place) and not target.get("description"):
            yield place.pointer
    for tag in document["tags"]:
        if not tag.get("description"):
            yield f"tag {tag['name']}"
