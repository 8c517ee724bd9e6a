"""Who may call an operation: the contract's security schemes, and the keys that pass them."""

from __future__ import annotations

import hmac
import re
from collections.abc import Sequence
from functools import cache

from spacely_spec import SecurityScheme

from ._http import Request

_compiled = cache(re.compile)


class Keys:
    """The keys that the mock takes.

    Args:
        exact: The only keys to take; where there are none, any key that fits its scheme's pattern will do.
    """

    def __init__(self, exact: Sequence[str] = ()) -> None:
        self._exact = tuple(key.encode() for key in exact)

    def accept(self, key: str, scheme: SecurityScheme) -> bool:
        """Whether a key opens a scheme."""
        if self._exact:
            presented = key.encode("utf-8", "surrogateescape")
            # Every key is compared, in constant time, so that the time taken tells nothing.
            return True in [hmac.compare_digest(presented, known) for known in self._exact]
        if scheme.key_pattern is not None:
            return _compiled(scheme.key_pattern).search(key) is not None
        return bool(key)


class Gate:
    """Decides whether a request may pass: one of the alternatives must hold, each scheme in it."""

    def __init__(self, alternatives: Sequence[Sequence[SecurityScheme]], keys: Keys, realm: str) -> None:
        self._alternatives = tuple(tuple(alternative) for alternative in alternatives)
        self._keys = keys
        schemes = {scheme.id: scheme for alternative in self._alternatives for scheme in alternative}
        self._schemes = tuple(schemes.values())
        self.challenges = tuple(("www-authenticate", _challenge(scheme, realm)) for scheme in self._schemes)
        self.query_names = frozenset(scheme.name for scheme in self._schemes if scheme.location == "query")

    def admit(self, request: Request) -> str | None:
        """The namespace of the caller, which is its keys; None where the request may not pass."""
        if not self._alternatives:
            return ""
        presented = {scheme.id: presented_key(scheme, request) for scheme in self._schemes}
        for alternative in self._alternatives:
            keys = [presented[scheme.id] for scheme in alternative]
            pairs = zip(alternative, keys, strict=True)
            if all(key is not None and self._keys.accept(key, scheme) for scheme, key in pairs):
                return "\0".join(filter(None, keys))
        return None

    @property
    def is_open(self) -> bool:
        """Whether anyone may pass."""
        return not self._alternatives

    @property
    def lone_header(self) -> SecurityScheme | None:
        """The scheme of a gate that needs one key, and that in a header; None for any other gate."""
        alternatives = self._alternatives
        if len(alternatives) == 1 and len(alternatives[0]) == 1 and alternatives[0][0].location == "header":
            return alternatives[0][0]
        return None

    def admit_alone(self, scheme: SecurityScheme, value: str) -> str | None:
        """The namespace of a caller who sent this value once, where one scheme is all that is needed; or None."""
        key = _key(scheme, value) if scheme.prefix else value
        return key if key is not None and self._keys.accept(key, scheme) else None

    def explain(self, request: Request) -> str:
        """Why a request may not pass, without a word of what it presented."""
        wanted = " or ".join(
            " and ".join(_place(scheme) for scheme in alternative) for alternative in self._alternatives
        )
        if any(presented_key(scheme, request) is not None for scheme in self._schemes):
            return f"The key sent is not one that this mock takes. Send a valid one: {wanted}."
        return f"No key was sent. Send one: {wanted}."


def presented_key(scheme: SecurityScheme, request: Request) -> str | None:
    """The key that a request carries for a scheme, whether or not it is accepted; None where it carries none."""
    if scheme.location == "cookie":
        values = [request.cookies[scheme.name]] if scheme.name in request.cookies else []
    elif scheme.location == "query":
        values = [value for name, value in request.query if name == scheme.name]
    else:
        values = request.headers(scheme.name)
    if len(values) != 1:  # Two keys leave open which one is meant.
        return None
    return _key(scheme, values[0])


def _key(scheme: SecurityScheme, value: str) -> str | None:
    if not scheme.prefix:
        return value
    if value[: len(scheme.prefix)].lower() != scheme.prefix.lower():
        return None
    return value[len(scheme.prefix) :].strip()


def _place(scheme: SecurityScheme) -> str:
    kinds = {"header": "the header", "query": "the query parameter", "cookie": "the cookie"}
    return f"{kinds[scheme.location]} {scheme.name}" + (f" as {scheme.prefix.strip()} KEY" if scheme.prefix else "")


def _challenge(scheme: SecurityScheme, realm: str) -> str:
    quoted = re.sub(r"[^ !#-\[\]-~]", "", realm)
    if scheme.type == "http":
        return f'{scheme.prefix.strip()} realm="{quoted}"'
    return f'ApiKey realm="{quoted}", in="{scheme.location}", name="{scheme.name}"'
