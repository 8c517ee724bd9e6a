"""What the mock's tests share: a caller in process, and small contracts."""

import asyncio
import copy
import json
from pathlib import Path
from typing import Any

import httpx
import yaml

from spacely_mock import ManualClock, create_app
from spacely_spec import Parameter

ROOT = Path(__file__).parents[2]
CONTRACT = ROOT / "openapi.yaml"
GROWTH = sorted((ROOT / "tests" / "specs" / "growth").glob("*.yaml"))
KEY = {"X-API-KEY": "sk-one"}
SUBMIT = "/api/v1/generate/advance"
POLL = "/api/v1/generate/poll-result"
RENDER = {"model": "spacely-v1", "imageUrl": "https://example.com/room.jpg", "renovateType": "residential"}


def texts_of(parameter: Parameter, value: Any) -> list[str]:
    """What stands for a value on the wire: a text, or one for each element of a list that is exploded."""
    texts = [
        each if isinstance(each, str) else json.dumps(each) for each in (value if isinstance(value, list) else [value])
    ]
    return texts if parameter.explode else [",".join(texts)]


class Caller:
    """Calls a mock in process. Its clock stands still until it is moved."""

    def __init__(self, spec: Any = CONTRACT, **options: Any) -> None:
        self.clock = ManualClock(1_800_000_000.25)
        self.app = create_app(spec, **{"clock": self.clock, "seed": 1, **options})

    def __call__(self, method: str, path: str, **arguments: Any) -> httpx.Response:
        async def send() -> httpx.Response:
            transport = httpx.ASGITransport(self.app)
            async with httpx.AsyncClient(transport=transport, base_url="http://mock.test") as client:
                return await client.request(method, path, **arguments)

        return asyncio.run(send())

    def submit(self, body: Any = None, **arguments: Any) -> httpx.Response:
        return self("POST", SUBMIT, json=RENDER if body is None else body, **{"headers": KEY, **arguments})

    def poll(self, job_id: str, headers: dict[str, str] | None = None) -> httpx.Response:
        return self("GET", POLL, params={"refId": job_id}, headers=headers or KEY)

    def raw(self, scope: dict[str, Any], *messages: dict[str, Any]) -> tuple[int, dict[str, str], bytes] | None:
        """Call the ASGI application itself; None where it sends no answer."""
        sent: list[dict[str, Any]] = []
        waiting = iter(messages)

        async def receive() -> dict[str, Any]:
            return next(waiting, {"type": "http.disconnect"})

        async def send(message: Any) -> None:
            sent.append(message)

        base = {"type": "http", "method": "POST", "path": SUBMIT, "query_string": b"", "headers": []}

        async def serve() -> None:
            await self.app({**base, **scope}, receive, send)

        asyncio.run(serve())
        if not sent:
            return None
        headers = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
        return sent[0]["status"], headers, b"".join(message.get("body", b"") for message in sent[1:])


def contract(tmp_path: Path, paths: dict[str, Any], **parts: Any) -> Path:
    """A contract of one's own, as a file."""
    paths = copy.deepcopy(paths)
    for path, item in paths.items():
        for method, operation in item.items():
            operation.setdefault("operationId", f"{method}{path}".replace("/", "-").replace("{", "").replace("}", ""))
            operation.setdefault("responses", {"200": json_response({"type": "object"}, example={})})
    document = {"openapi": "3.0.3", "info": {"title": "Test API", "version": "1"}, "paths": paths, **parts}
    file = tmp_path / "contract.yaml"
    file.write_text(yaml.safe_dump(document, sort_keys=False))
    return file


def json_response(schema: Any, **members: Any) -> dict[str, Any]:
    """A documented response with a JSON body."""
    return {"description": "An answer.", "content": {"application/json": {"schema": schema, **members}}}


def errors(response: httpx.Response) -> set[tuple[str, str, str]]:
    """Where and what the violations of a problem are: location, name or pointer, rule."""
    assert response.headers["content-type"] == "application/problem+json"
    return {(each["in"], each.get("name", each.get("pointer")), each["rule"]) for each in response.json()["errors"]}
