"""The mock's own paths: health, documentation, images, the meaning of problems."""

import io
import json
import re

import pytest
import yaml
from PIL import Image
from tests.spacely_mock.helpers import CONTRACT, KEY, POLL, Caller, contract, json_response

from spacely_mock._images import draw


@pytest.fixture(scope="module")
def call():
    return Caller(render_time=2)


def _images(call):
    job_id = call.submit().json()["data"]
    call.clock.advance(3)
    return call.poll(job_id).json()["data"]["result"]


def test_health_says_what_is_served(call):
    assert call("GET", "/healthz").json() == {
        "status": "ok",
        "title": "Spacely AI Enterprise",
        "version": "1.0.0",
        "operations": ["generateAdvance", "pollResult"],
    }


def test_the_contract_is_served_as_it_stands(call):
    assert call("GET", "/openapi.yaml").content == CONTRACT.read_bytes()
    assert call("GET", "/openapi.json").json() == json.loads(json.dumps(yaml.safe_load(CONTRACT.read_bytes())))


def test_the_documentation_needs_nothing_from_elsewhere(call):
    page = call("GET", "/docs").text
    sources = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert len(sources) == 3
    for source in sources:
        assert call("GET", "/" + source).status_code == 200
    assert call("GET", "/docs/").headers["location"] == "../docs"


def test_the_documentation_tries_requests_on_the_mock(call):
    document = call("GET", "/docs/openapi.json").json()
    assert document["servers"][0]["url"] == "/api/v1"


@pytest.mark.parametrize(
    "path", ["/docs/../_app.py", "/docs/%2e%2e/x", "/docs/index.html", "/__mock__/x", "/__mock__/images/"]
)
def test_there_is_nothing_else(call, path):
    assert call("GET", path).status_code == 404


def test_own_paths_can_only_be_read(call):
    response = call("POST", "/healthz")
    assert (response.status_code, response.headers["allow"]) == (405, "GET, HEAD, OPTIONS")
    assert call("HEAD", "/healthz").content == b""
    assert call("OPTIONS", "/healthz").status_code == 204


def test_a_contract_with_the_same_path_has_precedence(tmp_path):
    responses = {"200": json_response({"type": "object"}, example={"own": True})}
    call = Caller(contract(tmp_path, {"/healthz": {"get": {"responses": responses}}}))
    assert call("GET", "/healthz").json() == {"own": True}


def test_images_are_png_files_of_one_size_each_of_another_room(call):
    bodies = [call("GET", url) for url in _images(call)]
    assert {body.headers["content-type"] for body in bodies} == {"image/png"}
    assert {Image.open(io.BytesIO(body.content)).size for body in bodies} == {(768, 512)}
    assert len({body.content for body in bodies}) == 4


def test_an_image_has_the_colours_of_a_room_and_not_of_a_blank_page(call):
    image = Image.open(io.BytesIO(call("GET", _images(call)[0]).content)).convert("RGB")
    assert len(image.getcolors(1 << 20)) > 100


def test_the_same_seed_gives_the_same_bytes_and_the_caption_is_written():
    assert draw("a", "b") == draw("a", "b")
    assert draw("a", "b") != draw("a", "c")
    assert draw("a", "b") != draw("c", "b")


def test_images_can_be_asked_about_and_kept(call):
    url = _images(call)[0]
    got, head = call("GET", url), call("HEAD", url)
    assert (head.headers["content-length"], head.content) == (str(len(got.content)), b"")
    assert "max-age" in got.headers["cache-control"]
    again = call("GET", url, headers={"If-None-Match": got.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_an_image_is_not_there_before_its_job_has_succeeded():
    ahead, behind = Caller(render_time=2), Caller()
    job_id = ahead.submit().json()["data"]
    ahead.clock.advance(2.5)
    url = ahead.poll(job_id).json()["data"]["result"][0]
    assert behind("GET", url).status_code == 404
    behind.clock.advance(2.5)
    assert behind("GET", url).status_code == 200


def test_an_image_with_an_altered_name_is_not_there(call):
    url = _images(call)[0]
    path = url.removeprefix("http://mock.test")
    folder, _, name = path.removeprefix("/__mock__/images/").partition("/")
    others = [
        f"/__mock__/images/{'0' * 20}/{name}",
        f"/__mock__/images/{folder}/{name.replace('-1.png', '-0.png')}",
        f"/__mock__/images/{folder}/{name.replace('-1.png', '-1000.png')}",
        f"/__mock__/images/{folder}/{name.replace('.png', '.svg')}",
        f"/__mock__/images/{folder}/{name[::-1]}",
        f"/__mock__/images/{folder}/..%2F{name}",
        f"/__mock__/images/{folder}/../{name}",
        f"/__mock__/images/{name}",
    ]
    assert call("GET", path).status_code == 200
    assert {call("GET", other).status_code for other in others} == {404}


def test_a_poll_example_is_not_rewritten_when_it_is_asked_for_by_name(call):
    response = call("GET", POLL, params={"refId": "a"}, headers={**KEY, "Prefer": "example=success"})
    assert response.json()["data"]["result"][0].startswith("https://storage.googleapis.com/")
