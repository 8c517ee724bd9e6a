"""Where a request says what it wants of the mock: in its headers, or in a text of its body.

========================  ======================================================
said in                   as
========================  ======================================================
a header ``X-Mock-…``     ``X-Mock-Outcome: failure``, one header for each word
the header ``Prefer``     ``Prefer: outcome=failure, progress="polls:2"``
a free text               ``[mock outcome=failure progress=polls:2]``
a rule                    ``then: {outcome: failure, progress: "polls:2"}``
========================  ======================================================

A free text is one of the body or of the query that has no enum and no format. It may be encoded in any way that its
place allows, and be written in capitals: what carries it may change it so.

Each stands above those below it: what one of them says, the ones below cannot change, and what it leaves open they
decide. Of rules, those set later stand above those set before.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

from spacely_spec import Operation, join_pointer

from ._directives import WORDS, Directive, DirectiveError, parse_directive
from ._http import Request
from ._schemas import Schema, at, parts, types

HEADER_PREFIX = b"x-mock-"
# What a text of that kind has in all encodings. Most requests do not have it, so they are told at once.
_SIGN = b"mock"
# The bracket and the space may be escaped in JSON, or percent-encoded in a form or a query.
_ENCODED = re.compile(rb"(?:\[|\\u005b|%5b)mock(?:[\s+]|\\[nrt]|\\u00(?:20|09|0a|0d)|%(?:20|09|0a|0d))")
# A name is read from its first letter only and never given back, or a long header would take for ever.
_PREFERENCE = re.compile(
    r'(?<![A-Za-z-])(?P<name>[A-Za-z-]++)\s*+=\s*+(?:"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<bare>[^\s,;"]+))'
)
_MAGIC = re.compile(r"\[mock\s(?P<words>[^\[\]]*)\]", re.IGNORECASE)


def says_nothing(request: Request) -> bool:
    """Whether a request says nothing to the mock: no header of those, no text that could be magic."""
    if may_be_magic(request.body) or may_be_magic(request.raw_query):
        return False
    return not any(name == b"prefer" or name.startswith(HEADER_PREFIX) for name, _ in request.raw_headers)


def may_be_magic(data: bytes) -> bool:
    """Whether a ``[mock …]`` may stand in a body or a query."""
    lowered = data.lower()
    return _SIGN in lowered and _ENCODED.search(lowered) is not None


def read_headers(request: Request) -> Directive:
    """What the headers say.

    Raises:
        DirectiveError: They cannot be understood.
    """
    own = ((name, value) for name, value in request.raw_headers if name.startswith(HEADER_PREFIX))
    said = [(name.removeprefix(HEADER_PREFIX).decode("latin-1"), value.decode("latin-1")) for name, value in own]
    return parse_directive(said).over(read_preference(request))


def read_preference(request: Request) -> Directive:
    """What the Prefer header (RFC 7240) says; of the same preference the first counts, unknown ones are ignored.

    Raises:
        DirectiveError: The value of one that the mock knows cannot be read.
    """
    return parse_directive(
        (match["name"].lower(), match["bare"] if match["quoted"] is None else re.sub(r"\\(.)", r"\1", match["quoted"]))
        for header in request.headers("prefer")
        for match in _PREFERENCE.finditer(header)
        if match["name"].lower() in WORDS
    )


def applied(request: Request) -> tuple[tuple[str, str], ...]:
    """The header that tells a caller which of its preferences were taken."""
    wishes = [f"{name}={_quoted(value)}" for name, value in read_preference(request).to_json().items()]
    return (("preference-applied", ", ".join(wishes)),) if wishes else ()


def _quoted(value: str) -> str:
    return value if re.fullmatch(r'[^\s,;"\\]+', value) else '"' + re.sub(r'(["\\])', r"\\\1", value) + '"'


class MagicTexts:
    """Finds directives in an operation's free texts: those of its body and query without an enum and a format."""

    def __init__(self, operation: Operation, components: Mapping[str, Any]) -> None:
        self._parameters = {each.name: each.schema for each in operation.parameters if each.location == "query"}
        content = operation.body.content.values() if operation.body else ()
        self._schemas = [each.schema for each in content if each.schema is not None]
        self._components = components

    def read(self, request: Request, body: Any) -> Directive:
        """What the texts say, from the first to the last: those of the query, then those of the body.

        Raises:
            DirectiveError: What stands in ``[mock …]`` cannot be understood.
        """
        texts: list[str] = []
        if may_be_magic(request.raw_query):
            free = {name for name, schema in self._parameters.items() if self._is_free_text(schema)}
            texts += [text for name, text in request.query if name in free]
        if may_be_magic(request.body):
            texts += [text for text, pointer in _texts(body, "") if self._is_free(pointer)]
        return parse_directive(
            _pair(word) for text in texts for match in _MAGIC.finditer(text) for word in match["words"].split()
        )

    def _is_free(self, pointer: str) -> bool:
        schemas = [schema for each in self._schemas for schema in at(each, pointer, self._components)]
        return all(self._is_free_text(schema) for schema in schemas)

    def _is_free_text(self, schema: Schema) -> bool:
        if "string" not in types(schema, self._components):
            return False
        return not any({"enum", "format"} & part.keys() for part in parts(schema, self._components))


def _pair(word: str) -> tuple[str, str]:
    name, equals, value = word.partition("=")
    if not equals:
        raise DirectiveError(f"{word!r} is no directive; write a word and its value, as in outcome=failure.")
    # What carried the text may have put it into capitals. Only the contract's own names can be meant to have some.
    name = name.lower()
    return name, value if name == "example" else value.lower()


def _texts(value: Any, pointer: str) -> Iterator[tuple[str, str]]:
    match value:
        case str():
            yield value, pointer
        case dict():
            for key, member in cast("Mapping[str, Any]", value).items():
                yield from _texts(member, pointer + join_pointer(key))
        case list():
            for index, item in enumerate(cast("Sequence[Any]", value)):
                yield from _texts(item, f"{pointer}/{index}")
        case _:
            pass
