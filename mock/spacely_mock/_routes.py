"""Which path belongs to which operations; compiled once from the contract."""

from __future__ import annotations

import difflib
import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import unquote, unquote_to_bytes

from spacely_spec import Operation

_PARAMETER = re.compile(r"\{([^{}]+)\}")


@dataclass(frozen=True, slots=True)
class Route:
    """A path of the contract: its template under the base path, and its operations by method."""

    template: str
    operations: dict[str, Operation]

    @property
    def specimen(self) -> str:
        """A path that has this route, whatever the values of its parameters."""
        return _PARAMETER.sub("~", self.template)

    @property
    def allow(self) -> str:
        """The methods, as the Allow header lists them."""
        implied = ("HEAD", "OPTIONS") if "GET" in self.operations else ("OPTIONS",)
        return ", ".join(sorted({*self.operations, *implied}))


@dataclass(frozen=True, slots=True)
class Match:
    """A route with the values of its path parameters."""

    route: Route
    values: dict[str, str]


class Routes:
    """The routes of a contract."""

    def __init__(self, base_path: str, operations: Iterable[Operation]) -> None:
        by_path: defaultdict[str, dict[str, Operation]] = defaultdict(dict)
        for operation in operations:
            by_path[operation.path][operation.method] = operation
        routes = [Route(base_path + path, methods) for path, methods in by_path.items()]
        # OpenAPI: a concrete path is matched before a templated one.
        routes.sort(key=lambda route: [bool(_PARAMETER.search(segment)) for segment in route.template.split("/")])
        self.all = tuple(routes)
        self._concrete = {route.template: Match(route, {}) for route in routes if "{" not in route.template}
        self._templated = [
            (_pattern(route.template), _PARAMETER.findall(route.template), route)
            for route in routes
            if "{" in route.template
        ]

    def find(self, path: str) -> Match | None:
        """The route of a path (see canonical_path); None where there is none."""
        match = self._concrete.get(path)
        if match is not None:
            return match
        for pattern, names, route in self._templated:
            found = pattern.fullmatch(path)
            if found is not None:
                values = (unquote(value, errors="surrogateescape") for value in found.groups())
                return Match(route, dict(zip(names, values, strict=True)))
        return None

    def nearest(self, path: str) -> str | None:
        """The template that is most like a path that has no route."""
        close = difflib.get_close_matches(path, [route.template for route in self.all], n=1, cutoff=0.6)
        return close[0] if close else None


def served_as(method: str, match: Match | None) -> str:
    """The method of the operation that answers a request: GET answers HEAD where there is no operation for it."""
    return "GET" if method == "HEAD" and match is not None and "HEAD" not in match.route.operations else method


def canonical_path(raw_path: bytes) -> str:
    """A path percent-decoded, except that ``/`` and ``%`` inside a segment stay encoded, so that it still splits."""
    if b"%" not in raw_path:
        return raw_path.decode("utf-8", "surrogateescape")
    segments = (unquote_to_bytes(segment).decode("utf-8", "surrogateescape") for segment in raw_path.split(b"/"))
    return "/".join(segment.replace("%", "%25").replace("/", "%2F") for segment in segments)


def _pattern(template: str) -> re.Pattern[str]:
    pieces = _PARAMETER.split(template)  # Literal text and parameter names in turn.
    return re.compile("([^/]+)".join(re.escape(literal) for literal in pieces[::2]), re.DOTALL)
