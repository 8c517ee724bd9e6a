"""A request on the wire read back into values: its parameters as the contract describes them, and its body."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from spacely_spec import Operation, Parameter, Spec

from .answers import decode
from .pointers import followed
from .recording import NOTHING, Input, Message

_SEPARATORS = {"form": ",", "simple": ",", "spaceDelimited": " ", "pipeDelimited": "|"}
_FORM = "application/x-www-form-urlencoded"


def values_of(spec: Spec, operation: Operation, message: Message) -> Input | None:
    """What a request says to an operation; None where it is sent to another one.

    Args:
        spec: The contract.
        operation: The operation.
        message: The request.

    Returns:
        Its values. Text that stands for none of the declared type stays text.
    """
    parts = urlsplit(message.url)
    template = re.escape(operation.path).replace(r"\{", "{").replace(r"\}", "}")
    path = re.search(re.sub(r"{([^{}]*)}", "([^/]*)", template) + r"\Z", parts.path)
    if message.method != operation.method or path is None:
        return None
    in_path = dict(zip(re.findall(r"{([^{}]*)}", operation.path), map(unquote, path.groups()), strict=True))
    query: dict[str, list[str]] = {}
    for name, value in parse_qsl(parts.query, keep_blank_values=True):
        query.setdefault(name, []).append(value)
    parameters: dict[tuple[str, str], Any] = {}
    for parameter in operation.parameters:
        texts = _texts(parameter, in_path, query, message)
        if texts:
            parameters[parameter.location, parameter.name] = read_back(spec, parameter, texts)
    media_type = (message.header("content-type") or "").partition(";")[0].strip().lower()
    return Input(operation.id, parameters, _body(message.body, media_type), media_type)


def json_of(body: bytes) -> Any:
    """The JSON value of a body; NOTHING where it has none."""
    try:
        return decode(body)
    except ValueError:
        return NOTHING


def text_at(message: Message, location: str, name: str) -> str | None:
    """The text that a request has in a header, a query parameter or a cookie; None where there is none."""
    match location:
        case "header":
            return message.header(name)
        case "query":
            return dict(parse_qsl(urlsplit(message.url).query, keep_blank_values=True)).get(name)
        case _:
            try:
                cookie = SimpleCookie(message.header("cookie") or "").get(name)
            except CookieError:
                return None
            return None if cookie is None else cookie.value


def value_of_text(spec: Spec, schema: Mapping[str, Any], text: str) -> Any:
    """The value that a text stands for, as a schema describes it; the text where it stands for none."""
    return _scalar(followed(spec, schema, "")[0].get("type"), text)


def _body(body: bytes, media_type: str) -> Any:
    if "json" in media_type:
        return json_of(body)
    if media_type == _FORM:
        return dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))
    return NOTHING


def _texts(
    parameter: Parameter, in_path: Mapping[str, str], query: Mapping[str, list[str]], message: Message
) -> list[str]:
    if parameter.location == "path":
        return [in_path[parameter.name]]
    if parameter.location == "query":
        return query.get(parameter.name, [])
    text = text_at(message, parameter.location, parameter.name)
    return [] if text is None else [text]


def read_back(spec: Spec, parameter: Parameter, texts: list[str]) -> Any:
    """The value that a parameter has, from the texts that stand for it."""
    schema, _ = followed(spec, parameter.schema, "")
    if schema.get("type") != "array":
        return _scalar(schema.get("type"), texts[0])
    items, _ = followed(spec, schema.get("items", {}), "")
    if not (parameter.style == "form" and parameter.explode):
        texts = [text for joined in texts for text in joined.split(_SEPARATORS.get(parameter.style, ",")) if joined]
    return [_scalar(items.get("type"), text) for text in texts]


def _scalar(kind: str | None, text: str) -> Any:
    if kind not in {"integer", "number", "boolean"}:
        return text
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return text
    fits = isinstance(value, bool) if kind == "boolean" else type(value) in {int, float}
    return value if fits else text
