"""A document turned into a Spec; each statement that cannot be used becomes a Problem."""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from ._expressions import join_pointer
from ._links import Link, with_polling
from ._model import (
    MediaType,
    Operation,
    Parameter,
    RateLimit,
    RequestBody,
    Response,
    SecurityScheme,
    Spec,
)
from ._names import snake_case
from ._places import METHODS, follow
from ._source import Report, Source

_TEMPLATE = re.compile(r"\{([^{}]*)\}")


class Reader:
    """Reads one document that has been found to be valid OpenAPI; what is wrong with it goes to the report."""

    def __init__(self, source: Source, report: Report) -> None:
        self._source = source
        self._document: dict[str, Any] = source.document
        self._object = report.add
        self._report = report

    def spec(self) -> Spec:
        """The contract as far as it can be read; it is whole only while the report stays empty."""
        info = self._document["info"]
        limit = self._document.get("x-rate-limit")
        servers = enumerate(self._document.get("servers", []))
        return Spec(
            path=self._source.path,
            source=self._source.content,
            document=self._document,
            title=info["title"],
            sdk_name=self._sdk_name(info),
            version=info["version"],
            servers=tuple(self._server_url(server, join_pointer("servers", index)) for index, server in servers),
            operations=tuple(self._operations()),
            rate_limit=None if limit is None else RateLimit(limit["requests"], float(limit["seconds"])),
            lines=self._source.lines,
        )

    def _follow(self, node: Mapping[str, Any], pointer: str) -> tuple[Mapping[str, Any], str]:
        return follow(self._document, node, pointer)

    def _sdk_name(self, info: Mapping[str, Any]) -> str:
        pointer = "/info/x-sdk-name" if "x-sdk-name" in info else "/info/title"
        words = re.findall(r"[A-Za-z0-9]+", info["title"])
        name = info.get("x-sdk-name", "".join(word[:1].upper() + word[1:] for word in words))
        if not isinstance(name, str) or not re.fullmatch(r"[A-Z][A-Za-z0-9]*", name):
            self._object(
                pointer,
                f"{name!r} cannot name a class",
                "set info.x-sdk-name to a name like RoomRenders: letters, digits",
            )
        return str(name)

    def _server_url(self, server: Mapping[str, Any], pointer: str) -> str:
        url = str(server["url"])
        for name, variable in server.get("variables", {}).items():
            url = url.replace("{" + name + "}", variable["default"])
        for name in _TEMPLATE.findall(url):
            self._object(
                pointer + "/url", f"the server's variable {name!r} is not defined", "give it a default under variables"
            )
        try:
            parts = urlsplit(url)
        except ValueError:
            parts = urlsplit("")
        if not (url.startswith("/") or (parts.scheme in {"http", "https"} and parts.netloc)) or re.search(r"\s", url):
            self._object(
                pointer + "/url",
                f"{url!r} is no URL of a server",
                "write https://host/base, or a path that begins with /",
            )
        return url.rstrip("/")

    def _operations(self) -> Iterator[Operation]:
        operations: list[Operation] = []
        links: dict[str, list[Link]] = {}
        taken: dict[str, tuple[str, str]] = {}
        templates: dict[str, str] = {}
        for path, item in self._document["paths"].items():
            if path.startswith("x-"):
                continue
            item_pointer = join_pointer("paths", path)
            twin = templates.setdefault(_TEMPLATE.sub("{}", path), path)
            if twin != path:
                self._object(item_pointer, f"{path} and {twin} are the same path", "keep one of the two")
            for method in METHODS:
                if method in item:
                    name = f"{method.upper()} {path}"
                    pointer = item_pointer + join_pointer(method)
                    if self._check_id(item[method].get("operationId"), name, pointer, taken):
                        operation = self._operation(method, path, item, item[method], pointer)
                        links[operation.id] = self._links(operation)
                        operations.append(operation)
        yield from with_polling(operations, links, self._document, self._report)

    def _check_id(self, operation_id: str | None, name: str, pointer: str, taken: dict[str, tuple[str, str]]) -> bool:
        if not operation_id:
            self._object(
                pointer,
                f"{name} has no operationId",
                "give it one: the client's method and the CLI's command are named by it",
            )
            return False
        pointer += "/operationId"
        method = snake_case(operation_id)
        if not method.isidentifier() or not method.isascii() or keyword.iskeyword(method):
            self._object(
                pointer,
                f"the operationId {operation_id!r} cannot name a method of the client: it gives {method!r}",
                "write it as a verb and a noun, such as getRender",
            )
            return False
        if method in taken:
            item_id, other = taken[method]
            self._object(
                pointer,
                f"the operationId {operation_id!r} is taken by {other}"
                + ("" if item_id == operation_id else f": {item_id!r} is {method!r} in the client, too"),
                "give each operation a name of its own",
            )
            return False
        taken[method] = operation_id, name
        return True

    def _operation(
        self, method: str, path: str, item: Mapping[str, Any], raw: Mapping[str, Any], pointer: str
    ) -> Operation:
        responses = {
            status: self._response(status, *self._follow(node, pointer + join_pointer("responses", status)))
            for status, node in raw["responses"].items()
            if not status.startswith("x-")
        }
        return Operation(
            id=raw["operationId"],
            method=method.upper(),
            path=path,
            summary=raw.get("summary", ""),
            description=raw.get("description", ""),
            tags=tuple(raw.get("tags", ())),
            parameters=self._parameters(path, item, raw, pointer),
            body=self._body(raw, pointer),
            responses=responses,
            security=self._security(raw, pointer),
            polling=None,
            pointer=pointer,
            raw=raw,
        )

    def _parameters(
        self, path: str, item: Mapping[str, Any], raw: Mapping[str, Any], pointer: str
    ) -> tuple[Parameter, ...]:
        parameters: dict[tuple[str, str], Parameter] = {}
        for holder, holder_pointer in ((item, pointer.rpartition("/")[0]), (raw, pointer)):
            here: set[tuple[str, str]] = set()
            for index, node in enumerate(holder.get("parameters", [])):
                place = holder_pointer + join_pointer("parameters", index)
                parameter = self._parameter(*self._follow(node, place))
                key = parameter.location, parameter.name
                if key in here:
                    self._object(place, f"the parameter {parameter.name!r} stands here twice", "keep one of the two")
                here.add(key)
                parameters[key] = parameter
        in_template = _TEMPLATE.findall(path)
        declared = [name for location, name in parameters if location == "path"]
        for name in in_template:
            if name not in declared:
                self._object(
                    pointer,
                    f"the path has {{{name}}}, but no parameter says what it is",
                    f"add a parameter with name: {name}, in: path, required: true",
                )
        for name in declared:
            if name not in in_template:
                self._object(
                    parameters["path", name].pointer,
                    f"the path parameter {name!r} is not in the path {path}",
                    f"write {{{name}}} into the path, or remove the parameter",
                )
        return tuple(parameters.values())

    def _parameter(self, node: Mapping[str, Any], pointer: str) -> Parameter:
        location = node["in"]
        style = node.get("style", "form" if location in {"query", "cookie"} else "simple")
        if "schema" not in node:
            self._object(
                pointer,
                f"the parameter {node['name']!r} has no schema",
                "give it one: content in a parameter is not supported",
            )
        return Parameter(
            name=node["name"],
            location=location,
            required=bool(node.get("required")),
            description=node.get("description", ""),
            schema=node.get("schema", {}),
            style=style,
            explode=bool(node.get("explode", style == "form")),
            examples=self._examples(node, pointer),
            pointer=pointer,
        )

    def _body(self, raw: Mapping[str, Any], pointer: str) -> RequestBody | None:
        if "requestBody" not in raw:
            return None
        body, pointer = self._follow(raw["requestBody"], pointer + "/requestBody")
        return RequestBody(bool(body.get("required")), self._content(body, pointer))

    def _response(self, status: str, node: Mapping[str, Any], pointer: str) -> Response:
        headers = {
            name: self._follow(header, pointer + join_pointer("headers", name))[0]
            for name, header in node.get("headers", {}).items()
        }
        return Response(
            status,
            node["description"],
            self._content(node, pointer),
            {name: header.get("schema", {}) for name, header in headers.items()},
            frozenset(name for name, header in headers.items() if header.get("required")),
        )

    def _content(self, node: Mapping[str, Any], pointer: str) -> dict[str, MediaType]:
        content: dict[str, MediaType] = {}
        for name, media_type in node.get("content", {}).items():
            place = pointer + join_pointer("content", name)
            content[name] = MediaType(media_type.get("schema"), self._examples(media_type, place), place)
        return content

    def _examples(self, node: Mapping[str, Any], pointer: str) -> dict[str, Any]:
        if "example" in node:
            return {"default": node["example"]}
        examples = {
            name: self._follow(example, pointer + join_pointer("examples", name))[0]
            for name, example in node.get("examples", {}).items()
        }
        return {name: example["value"] for name, example in examples.items() if "value" in example}

    def _security(self, raw: Mapping[str, Any], pointer: str) -> tuple[tuple[SecurityScheme, ...], ...]:
        requirements = raw.get("security", self._document.get("security", []))
        where = pointer + "/security" if "security" in raw else "/security"
        schemes = self._document.get("components", {}).get("securitySchemes", {})
        alternatives: list[tuple[SecurityScheme, ...]] = []
        for index, requirement in enumerate(requirements):
            read: list[SecurityScheme] = []
            for scheme_id in requirement:
                if scheme_id in schemes:
                    place = join_pointer("components", "securitySchemes", scheme_id)
                    scheme = self._scheme(scheme_id, *self._follow(schemes[scheme_id], place))
                    read += [] if scheme is None else [scheme]
                else:
                    self._object(
                        where + join_pointer(index, scheme_id),
                        f"the security scheme {scheme_id!r} is not defined",
                        f"define it under components.securitySchemes, or name one of: {', '.join(schemes) or 'none'}",
                    )
            alternatives.append(tuple(read))
        return tuple(alternatives)

    def _scheme(self, scheme_id: str, node: Mapping[str, Any], pointer: str) -> SecurityScheme | None:
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

    def _links(self, operation: Operation) -> list[Link]:
        links: list[Link] = []
        for status in operation.responses:
            place = operation.pointer + join_pointer("responses", status)
            response, place = self._follow(operation.raw["responses"][status], place)
            for name, node in response.get("links", {}).items():
                link, pointer = self._follow(node, place + join_pointer("links", name))
                links.append(Link(name, status, link, pointer))
        return links
