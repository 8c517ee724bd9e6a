"""The heads of ordinary requests to one operation: weighed once, since a client sends the same few again and again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ._asking import HEADER_PREFIX
from ._http import RawHeaders, size_of
from ._operations import CompiledOperation
from ._parameters import Key, ParameterRule
from ._requests import Fits, RequestRules

# Headers that ask for something, say that a body is not simply what follows, or tell of a gateway in front.
_UNUSUAL = frozenset({b"prefer", b"expect", b"transfer-encoding", b"content-encoding", b"x-forwarded-proto"})
_CONTENT_TYPES = ("{}", "{};charset=utf-8", "{}; charset=utf-8", "{}; charset=UTF-8")
_REMEMBERED = 1024
_LONGEST_REMEMBERED = 4096  # Bytes. With the number above a limit to what a hostile client can make the mock keep.


@dataclass(frozen=True, slots=True)
class Head:
    """What the headers of an ordinary request say.

    Attributes:
        raw: The headers themselves.
        size: Their length in bytes.
        owner: The namespace of the caller.
        values: The parameters among them.
        fits: What tells whether a body of their Content-Type fits; None where the operation takes no such body.
    """

    raw: RawHeaders
    size: int
    owner: str
    values: Mapping[Key, Any]
    fits: Fits | None


class Heads:
    """Tells the heads of ordinary requests from others, and what they say.

    Args:
        compiled: The operation. Its key, if it needs one, is a single header (see ``FastLane``).
        parameters: Those in headers, by name.
        unusual: Headers besides that no ordinary request has.
    """

    def __init__(
        self, compiled: CompiledOperation, parameters: Mapping[str, ParameterRule], unusual: Iterable[str]
    ) -> None:
        self._gate = compiled.gate
        self._scheme = compiled.gate.lone_header
        self._key_header = _encode(self._scheme.name) if self._scheme else b""
        here = {_encode(name) for name in unusual}
        if compiled.responses.weighs_accept:
            here.add(b"accept")
        if not compiled.rules.takes_body:
            here.add(b"content-length")
        self._unusual = _UNUSUAL | here
        self._parameters = {_encode(name): rule for name, rule in parameters.items()}
        self._bodies = dict(_bodies(compiled.rules))
        self._known: dict[RawHeaders, Head] = {}

    def read(self, raw: RawHeaders) -> Head | None:
        """What headers say; None where anything about them leaves something to weigh, or is wrong."""
        head = self._known.get(raw) or self._weigh(raw)
        if head is not None and head.raw is raw and head.size <= _LONGEST_REMEMBERED:
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            self._known[raw] = head
        return head

    def _weigh(self, raw: RawHeaders) -> Head | None:
        headers = dict(raw)
        # Of a header that is sent twice, or in capitals, it would have to be weighed what it means.
        names = b"\n".join(headers)
        plain = len(headers) == len(raw) and names.islower() and HEADER_PREFIX not in names
        if not plain or not self._unusual.isdisjoint(headers):
            return None
        owner = self._owner(headers)
        values: dict[Key, Any] = {}
        for name, rule in self._parameters.items():
            if name in headers:
                values[rule.key] = rule.scalar(headers[name].decode("latin-1"))
        if owner is None or None in values.values():
            return None
        return Head(raw, size_of(raw), owner, values, self._bodies.get(headers.get(b"content-type", b"")))

    def _owner(self, headers: Mapping[bytes, bytes]) -> str | None:
        """The namespace of the caller; None where the request may not pass."""
        if self._scheme is None:
            return ""
        value = headers.get(self._key_header)
        return None if value is None else self._gate.admit_alone(self._scheme, value.decode("latin-1"))


def _bodies(rules: RequestRules) -> Iterator[tuple[bytes, Fits]]:
    for name in rules.media_types:
        for written in _CONTENT_TYPES:
            content_type = written.format(name)
            fits = rules.json_validator(content_type)
            if fits is not None:
                yield content_type.encode("latin-1", "replace"), fits


def _encode(name: str) -> bytes:
    return name.lower().encode("latin-1", "replace")
