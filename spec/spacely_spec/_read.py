"""A document turned into a Spec; each statement that cannot be used becomes a Problem."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, cast

from ._expressions import Criterion, Expression, ExpressionError, join_pointer, read_pointer
from ._model import (
    MediaType,
    Operation,
    Parameter,
    Polling,
    RateLimit,
    RequestBody,
    Response,
    SecurityScheme,
    Spec,
)
from ._problems import Problem
from ._source import Source

METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")

_DELAY_SECONDS = 1.0
_INTERVAL_SECONDS = 1.0
_TIMEOUT_SECONDS = 600.0


class Reader:
    """Reads one document that has been found to be valid OpenAPI; what it objects to is in ``problems``."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._document = cast("dict[str, Any]", source.document)
        self.problems: list[Problem] = []

    def spec(self) -> Spec:
        """The contract as far as it can be read; it is whole only while ``problems`` stays empty."""
        info = self._document["info"]
        operations = tuple(self._operations())
        spec = Spec(
            path=self._source.path,
            source=self._source.content,
            document=self._document,
            title=info["title"],
            sdk_name=self._sdk_name(info),
            version=str(info["version"]),
            servers=tuple(self._server_url(server) for server in self._document.get("servers", [])),
            operations=operations,
            rate_limit=self._rate_limit(),
            lines=self._source.lines,
        )
        self._check_links(spec)
        return spec

    def _object(self, pointer: str, message: str, remedy: str) -> None:
        self.problems.append(self._source.problem(pointer, message, remedy))

    def _resolve(self, node: Mapping[str, Any], pointer: str) -> tuple[Mapping[str, Any], str]:
        """The object itself where the node is a reference, and where that object stands."""
        visited: set[str] = set()
        while "$ref" in node:
            pointer = node["$ref"].removeprefix("#")
            if pointer in visited:
                self._object(pointer, "a reference leads back to itself", "let one of them hold the value")
                return {}, pointer
            visited.add(pointer)
            node = read_pointer(self._document, pointer)
        return node, pointer

    def _sdk_name(self, info: Mapping[str, Any]) -> str:
        name = info.get("x-sdk-name") or "".join(
            word[:1].upper() + word[1:] for word in re.findall(r"[A-Za-z0-9]+", info["title"])
        )
        if not re.fullmatch(r"[A-Z][A-Za-z0-9]*", name):
            self._object(
                "/info",
                f"{name!r} cannot name a class",
                "set info.x-sdk-name to a name in CamelCase, letters and digits only",
            )
        return str(name)

    def _server_url(self, server: Mapping[str, Any]) -> str:
        url = str(server["url"])
        for name, variable in server.get("variables", {}).items():
            url = url.replace("{" + name + "}", variable["default"])
        return url.rstrip("/")

    def _rate_limit(self) -> RateLimit | None:
        limit = self._document.get("x-rate-limit")
        if limit is None:
            return None
        match limit:
            case {"requests": int(requests), "seconds": int() | float() as seconds} if requests > 0 and seconds > 0:
                return RateLimit(requests, float(seconds))
            case _:
                self._object(
                    "/x-rate-limit",
                    "the rate limit is not understood",
                    "give it two positive numbers: requests (how many) and seconds (in how long)",
                )
                return None

    def _operations(self) -> Iterator[Operation]:
        seen: dict[str, str] = {}
        for path, item in self._document["paths"].items():
            item_pointer = join_pointer("paths", path)
            for method in METHODS:
                if method not in item:
                    continue
                pointer = item_pointer + join_pointer(method)
                operation = item[method]
                operation_id = operation.get("operationId")
                if not operation_id:
                    self._object(
                        pointer,
                        f"{method.upper()} {path} has no operationId",
                        "give it one: the client's method and the CLI's command are named by it",
                    )
                    continue
                if operation_id in seen:
                    self._object(
                        pointer + "/operationId",
                        f"the operationId {operation_id!r} is taken by {seen[operation_id]}",
                        "give each operation a name of its own",
                    )
                    continue
                seen[operation_id] = f"{method.upper()} {path}"
                yield self._operation(operation_id, method, path, item, operation, pointer)

    def _operation(
        self,
        operation_id: str,
        method: str,
        path: str,
        item: Mapping[str, Any],
        raw: Mapping[str, Any],
        pointer: str,
    ) -> Operation:
        parameters: dict[tuple[str, str], Parameter] = {}
        for holder, holder_pointer in ((item, pointer.rpartition("/")[0]), (raw, pointer)):
            for index, node in enumerate(holder.get("parameters", [])):
                parameter = self._parameter(node, holder_pointer + join_pointer("parameters", index))
                parameters[parameter.location, parameter.name] = parameter
        responses: dict[str, Response] = {}
        pollings: list[Polling] = []
        for status, node in raw["responses"].items():
            if str(status).startswith("x-"):
                continue
            response, response_pointer = self._resolve(node, pointer + join_pointer("responses", status))
            responses[status] = self._response(status, response, response_pointer)
            pollings += self._pollings(status, response, response_pointer)
        for extra in pollings[1:]:
            self._object(extra.pointer, "an operation can have one polling Link only", "remove x-polling from this one")
        return Operation(
            id=operation_id,
            method=method.upper(),
            path=path,
            summary=raw.get("summary", ""),
            description=raw.get("description", ""),
            tags=tuple(raw.get("tags", ())),
            parameters=tuple(parameters.values()),
            body=self._body(raw, pointer),
            responses=responses,
            security=self._security(raw, pointer),
            polling=pollings[0] if pollings else None,
            pointer=pointer,
            raw=raw,
        )

    def _parameter(self, node: Mapping[str, Any], pointer: str) -> Parameter:
        node, pointer = self._resolve(node, pointer)
        location = node.get("in", "query")
        style = node.get("style", "form" if location in {"query", "cookie"} else "simple")
        return Parameter(
            name=node.get("name", ""),
            location=location,
            required=bool(node.get("required")),
            schema=node.get("schema", {}),
            style=style,
            explode=bool(node.get("explode", style == "form")),
            examples=self._examples(node, pointer),
            pointer=pointer,
        )

    def _body(self, raw: Mapping[str, Any], pointer: str) -> RequestBody | None:
        if "requestBody" not in raw:
            return None
        body, pointer = self._resolve(raw["requestBody"], pointer + "/requestBody")
        return RequestBody(bool(body.get("required")), self._content(body, pointer))

    def _response(self, status: str, node: Mapping[str, Any], pointer: str) -> Response:
        headers: dict[str, Mapping[str, Any]] = {}
        for name, header in node.get("headers", {}).items():
            headers[name] = self._resolve(header, pointer + join_pointer("headers", name))[0].get("schema", {})
        return Response(status, node.get("description", ""), self._content(node, pointer), headers)

    def _content(self, node: Mapping[str, Any], pointer: str) -> dict[str, MediaType]:
        content: dict[str, MediaType] = {}
        for name, media_type in node.get("content", {}).items():
            place = pointer + join_pointer("content", name)
            content[name] = MediaType(media_type.get("schema"), self._examples(media_type, place), place)
        return content

    def _examples(self, node: Mapping[str, Any], pointer: str) -> dict[str, Any]:
        if "example" in node:
            return {"default": node["example"]}
        examples: dict[str, Any] = {}
        for name, example in node.get("examples", {}).items():
            example, _ = self._resolve(example, pointer + join_pointer("examples", name))
            if "value" in example:
                examples[name] = example["value"]
        return examples

    def _security(self, raw: Mapping[str, Any], pointer: str) -> tuple[tuple[SecurityScheme, ...], ...]:
        requirements = raw.get("security", self._document.get("security", []))
        where = pointer + "/security" if "security" in raw else "/security"
        schemes = self._document.get("components", {}).get("securitySchemes", {})
        alternatives: list[tuple[SecurityScheme, ...]] = []
        for index, requirement in enumerate(requirements):
            place = where + join_pointer(index)
            read: list[SecurityScheme] = []
            for scheme_id in requirement:
                if scheme_id not in schemes:
                    self._object(
                        place,
                        f"the security scheme {scheme_id!r} is not defined",
                        f"define it under components.securitySchemes, or name one of: {', '.join(schemes) or 'none'}",
                    )
                    continue
                scheme = self._scheme(scheme_id, schemes[scheme_id])
                if scheme is not None:
                    read.append(scheme)
            alternatives.append(tuple(read))
        return tuple(alternatives)

    def _scheme(self, scheme_id: str, node: Mapping[str, Any]) -> SecurityScheme | None:
        node, pointer = self._resolve(node, join_pointer("components", "securitySchemes", scheme_id))
        key_pattern = node.get("x-key-pattern")
        match node:
            case {"type": "apiKey", "in": "header" | "query" | "cookie" as location, "name": str(name)}:
                return SecurityScheme(scheme_id, "apiKey", location, name, "", key_pattern)
            case {"type": "http", "scheme": str(scheme)} if scheme.lower() == "bearer":
                return SecurityScheme(scheme_id, "http", "header", "Authorization", "Bearer ", key_pattern)
            case _:
                self._object(
                    pointer,
                    f"the security scheme {scheme_id!r} is of a kind that is not supported",
                    "use an apiKey in a header, query parameter or cookie, or http with scheme bearer",
                )
                return None

    def _pollings(self, status: str, response: Mapping[str, Any], pointer: str) -> list[Polling]:
        pollings: list[Polling] = []
        for name, node in response.get("links", {}).items():
            link, place = self._resolve(node, pointer + join_pointer("links", name))
            if "x-polling" in link:
                polling = self._polling(name, status, link, place)
                if polling is not None:
                    pollings.append(polling)
        return pollings

    def _polling(self, name: str, status: str, link: Mapping[str, Any], pointer: str) -> Polling | None:
        before = len(self.problems)
        target = link.get("operationId")
        if not isinstance(target, str):
            self._object(
                pointer,
                f"the polling Link {name!r} names no operationId",
                "set its operationId to the operation to poll (operationRef is not supported)",
            )
        bound: dict[str, Expression] = {}
        constants: dict[str, Any] = {}
        for parameter, value in link.get("parameters", {}).items():
            # "path.id" and "query.id" name the location too; the locations are told apart by the target.
            bare = re.sub(r"^(?:path|query|header|cookie)\.", "", parameter)
            if isinstance(value, str) and value.startswith("$"):
                expression = self._expression(value, pointer + join_pointer("parameters", parameter))
                if expression is not None:
                    bound[bare] = expression
            else:
                constants[bare] = value
        if len(bound) != 1 and len(self.problems) == before:
            self._object(
                pointer,
                f"the polling Link {name!r} takes {len(bound)} parameters from the response",
                "take exactly one from it, as in parameters: {id: $response.body#/id}: it is the job's id",
            )
        loop = link["x-polling"]
        place = pointer + "/x-polling"
        if not isinstance(loop, Mapping):
            self._object(place, "x-polling is no mapping", "give it successCriteria and the seconds to wait")
            return None
        success = self._criteria(loop, "successCriteria", place)
        if not success and len(self.problems) == before:
            self._object(place, "x-polling has no successCriteria", "say what the answer of a finished job looks like")
        polling_result = loop.get("result")
        result = None if polling_result is None else self._expression(polling_result, place + "/result")
        seconds = {
            key: self._seconds(loop, key, default, place)
            for key, default in (
                ("delaySeconds", _DELAY_SECONDS),
                ("intervalSeconds", _INTERVAL_SECONDS),
                ("timeoutSeconds", _TIMEOUT_SECONDS),
            )
        }
        failure = self._criteria(loop, "failureCriteria", place)
        if len(self.problems) > before:
            return None
        (parameter, job_id), *_ = bound.items()
        return Polling(
            link=name,
            status=status,
            target=str(target),
            parameter=parameter,
            job_id=job_id,
            constants=constants,
            delay_seconds=seconds["delaySeconds"],
            interval_seconds=seconds["intervalSeconds"],
            timeout_seconds=seconds["timeoutSeconds"],
            success=success,
            failure=failure,
            result=result,
            pointer=pointer,
        )

    def _criteria(self, loop: Mapping[str, Any], key: str, pointer: str) -> tuple[Criterion, ...]:
        criteria: list[Criterion] = []
        entries = loop.get(key, [])
        if not isinstance(entries, list):
            self._object(f"{pointer}/{key}", f"{key} is no list", "write a list of {condition: …}")
            return ()
        for index, entry in enumerate(entries):
            place = pointer + join_pointer(key, index)
            condition = entry.get("condition") if isinstance(entry, Mapping) else None
            if not isinstance(condition, str):
                self._object(
                    place, "a criterion has no condition", "write it as {condition: <expression> == <literal>}"
                )
                continue
            try:
                criteria.append(Criterion.parse(condition))
            except ExpressionError as error:
                self._object(place, "a criterion cannot be parsed", str(error))
        return tuple(criteria)

    def _expression(self, text: Any, pointer: str) -> Expression | None:
        try:
            return Expression.parse(str(text))
        except ExpressionError as error:
            self._object(pointer, "a runtime expression cannot be parsed", str(error))
            return None

    def _seconds(self, loop: Mapping[str, Any], key: str, default: float, pointer: str) -> float:
        value = loop.get(key, default)
        if isinstance(value, (int, float)) and not isinstance(value, bool) and value >= 0:
            return float(value)
        self._object(f"{pointer}/{key}", f"{key} is {value!r}", "give a number of seconds, 0 or more")
        return default

    def _check_links(self, spec: Spec) -> None:
        operations = {operation.id: operation for operation in spec.operations}
        for operation in spec.operations:
            polling = operation.polling
            if polling is None:
                continue
            target = operations.get(polling.target)
            if target is None:
                self._object(
                    polling.pointer + "/operationId",
                    f"the Link {polling.link!r} leads to the operation {polling.target!r}, which does not exist",
                    f"name one of: {', '.join(operations)}",
                )
                continue
            names = [parameter.name for parameter in target.parameters]
            for name in (polling.parameter, *polling.constants):
                if name not in names:
                    self._object(
                        polling.pointer + "/parameters",
                        f"the operation {polling.target!r} has no parameter {name!r}",
                        f"name one of: {', '.join(names) or 'none, it has no parameters'}",
                    )
