"""The two requests that every server gets, made from the contract's own examples."""

from __future__ import annotations

import http.client
import json
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from spacely_spec import Answer, Operation, Spec

KEY = "benchmark"
"""The key that all requests carry."""


@dataclass(frozen=True)
class Request:
    """One request: its path with the query, without the server's base path."""

    method: str
    path: str
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""

    def send(self, port: int, base: str = "") -> Answer | None:
        """The answer of a local server; None where it does not answer, or not with JSON."""
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        try:
            connection.request(self.method, base + self.path, self.body or None, self.headers)
            response = connection.getresponse()
            return Answer(response.status, dict(response.getheaders()), json.loads(response.read()))
        except (OSError, http.client.HTTPException, ValueError):
            return None
        finally:
            connection.close()

    def lua(self, file: Path) -> Path:
        """A script by which wrk sends it."""
        lines = [f"wrk.method = {json.dumps(self.method)}"]
        lines += [f"wrk.headers[{json.dumps(name)}] = {json.dumps(value)}" for name, value in self.headers.items()]
        if self.body:
            lines.append(f"wrk.body = [==[{self.body.decode()}]==]")
        file.write_text("\n".join(lines) + "\n")
        return file


def submit_request(spec: Spec) -> Request:
    """A submit: the first operation of the contract that starts a job, with its first example."""
    return _request(_submit(spec), {})


def poll_request(spec: Spec, submitted: Answer) -> Request:
    """A poll for the job that was submitted."""
    polling = _submit(spec).polling
    if polling is None:
        raise ValueError("the contract has no jobs")
    values = {**polling.constants, polling.parameter: polling.job_id.read(submitted)}
    return _request(spec.operation(polling.target), values)


def answers(spec: Spec) -> dict[tuple[str, str], Any]:
    """The first example of each operation's first response, by method and path: what a mock without jobs answers."""
    found: dict[tuple[str, str], Any] = {}
    for operation in spec.operations:
        content = next(iter(next(iter(operation.responses.values())).content.values()))
        found[operation.method, spec.base_path + operation.path] = next(iter(content.examples.values()))
    return found


def _submit(spec: Spec) -> Operation:
    return next(operation for operation in spec.operations if operation.polling is not None)


def _request(operation: Operation, values: dict[str, Any]) -> Request:
    path = operation.path
    query: dict[str, str] = {}
    headers: dict[str, str] = {}
    for scheme in operation.security[0] if operation.security else ():
        (query if scheme.location == "query" else headers)[scheme.name] = scheme.prefix + KEY
    for parameter in operation.parameters:
        value = values.get(parameter.name, next(iter(parameter.examples.values()), None))
        if parameter.location == "path":
            path = path.replace("{" + parameter.name + "}", str(value))
        elif value is not None:
            (query if parameter.location == "query" else headers)[parameter.name] = str(value)
    request = Request(operation.method, path + ("?" + urlencode(query) if query else ""), headers)
    if operation.body is None:
        return request
    name, content = next(iter(operation.body.content.items()))
    example = next(iter(content.examples.values()))
    return replace(request, headers={**headers, "Content-Type": name}, body=json.dumps(example).encode())
