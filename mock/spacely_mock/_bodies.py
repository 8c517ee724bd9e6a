"""Request bodies read into values: JSON strictly, forms and text as their media types say."""

from __future__ import annotations

import io
import json
import math
from collections.abc import Iterable, Mapping
from email.message import Message
from typing import Any
from urllib.parse import parse_qsl

from ._problems import CONTENT_TOO_LARGE, MALFORMED_BODY, Kind
from ._texts import is_broken

DEEPEST = 200
"""How deep a JSON body may be nested; the validator goes no further than 255."""

MOST_VALUES = 50_000
"""How many values a JSON body may have: with more, its validation would keep other requests waiting."""


class BodyError(ValueError):
    """A body cannot be used; the message says why.

    Attributes:
        kind: What kind of problem it is.
        rule: The rule that is broken.
    """

    def __init__(self, message: str, kind: Kind = MALFORMED_BODY, rule: str = "syntax") -> None:
        super().__init__(message)
        self.kind = kind
        self.rule = rule


def media_type(header: str) -> tuple[str, str]:
    """The media type and the charset, in lower case, of a Content-Type header."""
    message = Message()
    message["content-type"] = header
    return message.get_content_type() if "/" in header else header.strip().lower(), str(
        message.get_param("charset", "utf-8")
    ).lower()


def choose(offered: str, documented: Iterable[str]) -> str | None:
    """The documented media type or range that an offered media type falls under, the narrowest first."""
    ranges = {entry.partition(";")[0].strip().lower(): entry for entry in documented}
    for candidate in (offered, offered.partition("/")[0] + "/*", "*/*"):
        if candidate in ranges:
            return ranges[candidate]
    return None


def is_json(name: str) -> bool:
    """Whether a media type is JSON or builds on it."""
    return name == "application/json" or name.endswith("+json")


def read_body(body: bytes, name: str, header: str, *, lists: frozenset[str] = frozenset()) -> Any:
    """The value of a body.

    Args:
        body: The bytes.
        name: Its media type.
        header: The whole Content-Type header.
        lists: The form fields that may be sent more than once.

    Returns:
        A JSON value; for a form a mapping of texts; for text a text; for anything else None.

    Raises:
        BodyError: The body is not what its media type says.
    """
    if is_json(name):
        return read_json(body)
    if name == "application/x-www-form-urlencoded":
        try:
            pairs = parse_qsl(_text(body), keep_blank_values=True, errors="strict")
        except UnicodeDecodeError as error:
            raise BodyError("The form has a percent-encoded value that is not UTF-8.") from error
        return _fields(pairs, lists)
    if name == "multipart/form-data":
        return _fields(_read_multipart(body, header), lists)
    return _text(body) if name.startswith("text/") else None


def read_json(body: bytes) -> Any:
    """A JSON value, read more strictly than Python does: what RFC 8259 leaves open is refused."""
    if body.startswith(b"\xef\xbb\xbf"):
        raise BodyError("The body begins with a byte order mark, which JSON does not allow.")
    if len(body) > MOST_VALUES and sum(map(body.count, (b",", b"[", b"{"))) > MOST_VALUES:
        raise BodyError(f"The body has more than {MOST_VALUES} values.", CONTENT_TOO_LARGE, "maxValues")
    try:
        text = _text(body)
        value: Any = None
        try:
            value, end = _DECODER.raw_decode(text)
        except json.JSONDecodeError:
            end = -1
        if end != len(text):  # There is white space around the value, or something is wrong.
            value = _DECODER.decode(text)
    except RecursionError as error:
        raise BodyError(f"The body is nested more than {DEEPEST} levels deep.") from error
    except json.JSONDecodeError as error:
        raise BodyError(f"The body is not JSON: {error.msg} at line {error.lineno}, column {error.colno}.") from error
    except BodyError:
        raise
    except ValueError as error:  # An integer of more digits than Python converts.
        raise BodyError("The body has a number of too many digits.") from error
    has_escapes = b"\\u" in body
    # A body with no more brackets than that cannot be nested deeper.
    if has_escapes or (len(body) > DEEPEST and body.count(b"{") + body.count(b"[") > DEEPEST):
        _check(value, has_escapes=has_escapes)
    return value


def _text(body: bytes) -> str:
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise BodyError(f"The body is not UTF-8: the byte at offset {error.start} cannot be read.") from error


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise BodyError("The body has an object with one name twice; which value is meant cannot be told.")
    return result


def _refuse_constant(name: str) -> Any:
    raise BodyError(f"The body has the value {name}, which JSON does not have.")


def _finite(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise BodyError("The body has a number too large to be represented.")
    return value


_DECODER = json.JSONDecoder(object_pairs_hook=_object, parse_constant=_refuse_constant, parse_float=_finite)


def _check(value: Any, *, has_escapes: bool) -> None:
    level = [value]
    for _ in range(DEEPEST):
        children: list[Any] = []
        for node in level:
            if isinstance(node, Mapping):
                children += node.values()
                if has_escapes:
                    children += node
            elif isinstance(node, list):
                children += node
            elif has_escapes and isinstance(node, str) and is_broken(node):
                raise BodyError("The body has a text with half of a surrogate pair, which is no character.")
        if not children:
            return
        level = children
    raise BodyError(f"The body is nested more than {DEEPEST} levels deep.")


def _fields(pairs: Iterable[tuple[str, Any]], lists: frozenset[str]) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    for name, value in pairs:
        if name in lists:
            fields.setdefault(name, []).append(value)
        elif name in fields:
            raise BodyError(f"The form has the field {name[:100]!r} more than once.")
        else:
            fields[name] = value
    return fields


def _read_multipart(body: bytes, header: str) -> list[tuple[str, str]]:
    # Imported here: few contracts have a multipart body.
    from python_multipart import exceptions, multipart

    pairs: list[tuple[str, str]] = []

    def on_field(field: Any) -> None:
        pairs.append((_part_text(field.field_name), _part_text(field.value or b"")))

    def on_file(file: Any) -> None:
        file.file_object.seek(0)
        pairs.append((_part_text(file.field_name), file.file_object.read().decode("latin-1")))

    try:
        multipart.parse_form({"Content-Type": header.encode("latin-1", "replace")}, io.BytesIO(body), on_field, on_file)
    except (exceptions.FormParserError, ValueError) as error:
        raise BodyError(f"The body is not a multipart form: {error}.") from error
    return pairs


def _part_text(value: bytes | None) -> str:
    return _text(value or b"")
