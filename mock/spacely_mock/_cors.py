"""What browsers are told, so that a page from anywhere may call the mock (CORS)."""

from __future__ import annotations

import re
from collections.abc import Iterable

from spacely_spec import Spec

from ._http import Reply, Request

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_REQUEST_HEADERS = ("accept", "content-type", "prefer")
_RESPONSE_HEADERS = (
    "allow",
    "content-length",
    "etag",
    "location",
    "preference-applied",
    "retry-after",
    "www-authenticate",
)
_ALL_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


class Cors:
    """Answers preflights, and has the headers that every other answer carries."""

    def __init__(self, spec: Spec) -> None:
        asked = {
            scheme.name.lower()
            for operation in spec.operations
            for alternative in operation.security
            for scheme in alternative
            if scheme.location == "header"
        } | {
            parameter.name.lower()
            for operation in spec.operations
            for parameter in operation.parameters
            if parameter.location == "header"
        }
        told = {
            name.lower()
            for operation in spec.operations
            for response in operation.responses.values()
            for name in response.headers
        }
        self._allowed = sorted({*_REQUEST_HEADERS, *asked})
        self.headers = (
            (b"access-control-allow-origin", b"*"),
            (b"access-control-expose-headers", ", ".join(sorted({*_RESPONSE_HEADERS, *told})).encode("latin-1")),
        )

    @staticmethod
    def is_preflight(request: Request) -> bool:
        """Whether a request is a browser's question, asked before the real one."""
        asks = request.headers("access-control-request-method")
        return request.method == "OPTIONS" and bool(asks) and bool(request.headers("origin"))

    def preflight(self, request: Request, methods: Iterable[str] | None) -> Reply:
        """The answer to that question: yes, with the headers asked for and those that the contract has."""
        asked = ",".join(request.headers("access-control-request-headers")).lower().split(",")
        names = {name.strip() for name in asked if _TOKEN.fullmatch(name.strip())}
        allowed = sorted({*methods, "OPTIONS"}) if methods is not None else _ALL_METHODS
        return Reply(
            204,
            (
                ("access-control-allow-methods", ", ".join(allowed)),
                ("access-control-allow-headers", ", ".join(sorted({*self._allowed, *names}))),
                ("access-control-max-age", "600"),
                ("vary", "Origin, Access-Control-Request-Method, Access-Control-Request-Headers"),
            ),
        )
