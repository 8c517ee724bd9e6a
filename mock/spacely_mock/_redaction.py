"""Keys kept out of everything that is written down: whose a request is, and its texts without the keys in them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias, cast
from urllib.parse import quote, quote_plus

from spacely_spec import Operation, SecurityScheme

from ._http import Request, quoted_path
from ._security import presented_key

Secret: TypeAlias = re.Pattern[str] | None
HIDDEN = "***"
_ALWAYS_HIDDEN = frozenset({"authorization", "proxy-authorization", "cookie", "set-cookie"})
_SHORTEST = 4  # A text shorter than this is no secret, and would be struck out of half the words there are.


class Credentials:
    """Knows where requests to a contract carry keys.

    Args:
        operations: The contract's operations.
        known: Keys that are hidden wherever they stand, whoever sends them.
    """

    def __init__(self, operations: Iterable[Operation], known: Sequence[str] = ()) -> None:
        alternatives = {alternative for operation in operations for alternative in operation.security if alternative}
        # A request that carries all keys of a longer alternative is not one that carries a shorter one by chance.
        self._alternatives = sorted(alternatives, key=lambda each: (-len(each), [scheme.id for scheme in each]))
        schemes: set[SecurityScheme] = {scheme for alternative in alternatives for scheme in alternative}
        # A key that is sent in a wrong place is a key all the same, so it is hidden wherever its name stands.
        self._names = frozenset(scheme.name.lower() for scheme in schemes)
        self._headers = _ALWAYS_HIDDEN | self._names
        self._in_text = _named_in_text(self._names)
        self._prefixes = tuple(scheme.prefix for scheme in schemes if scheme.prefix)
        self._known = tuple(known)

    def owner(self, request: Request) -> str:
        """Whose request it is by the keys it carries, accepted or not; empty where it carries none."""
        for alternative in self._alternatives:
            keys = [presented_key(scheme, request) for scheme in alternative]
            if all(key is not None for key in keys):
                return "\0".join(filter(None, keys))
        return ""

    def hides(self, header: str) -> bool:
        """Whether the value of a header (its name in lower case) is never shown."""
        return header in self._headers

    def headers(self, request: Request, secret: Secret) -> dict[str, str]:
        """The headers of a request; those that carry keys are told to be there and no more."""
        headers: dict[str, str] = {}
        for raw_name, raw_value in request.raw_headers:
            name = raw_name.decode("latin-1")
            value = HIDDEN if self.hides(name) else raw_value.decode("latin-1")
            headers[name] = f"{headers[name]}, {value}" if name in headers else value
        return {name: scrub(value, secret) for name, value in headers.items()}

    def query(self, request: Request, secret: Secret) -> dict[str, list[str]]:
        """The query parameters of a request."""
        query: dict[str, list[str]] = {}
        for name, value in request.query:
            shown = HIDDEN if name.lower() in self._names else scrub(value, secret)
            query.setdefault(scrub(name, secret), []).append(shown)
        return query

    def body(self, value: Any, secret: Secret) -> Any:
        """A body, which is a JSON value or any text."""
        return self.text(value, secret) if isinstance(value, str) else self._members(value, secret)

    def text(self, text: str, secret: Secret) -> str:
        """A body as it was sent."""
        if self._in_text is not None:
            text = self._in_text.sub(rf"\1{HIDDEN}", text)
        return text if secret is None else secret.sub(HIDDEN, text)

    def _members(self, value: Any, secret: Secret) -> Any:
        if isinstance(value, Mapping):
            return {
                scrub(name, secret): HIDDEN if name.lower() in self._names else self._members(each, secret)
                for name, each in cast("Mapping[str, Any]", value).items()
            }
        if isinstance(value, list):
            return [self._members(each, secret) for each in value]  # pyright: ignore[reportUnknownVariableType] - JSON
        return scrub(value, secret)

    def secret(self, request: Request) -> Secret:
        """Matches every key of a request, also where it is sent in several places or written in several ways."""
        sent = [
            value.decode("latin-1") for name, value in request.raw_headers if name.decode("latin-1") in self._headers
        ]
        sent += [value for name, value in request.query if name.lower() in self._names]
        sent += [value for name, value in request.cookies.items() if name.lower() in self._names]
        for prefix in self._prefixes:
            sent += [value[len(prefix) :] for value in sent if value.lower().startswith(prefix.lower())]
        secrets = {text.strip() for text in (*sent, *self._known)}
        written = {form for secret in secrets for form in _written(secret)}
        long = sorted((text for text in written if len(text) >= _SHORTEST), key=len, reverse=True)
        return re.compile("|".join(map(re.escape, long))) if long else None


def _named_in_text(names: Iterable[str]) -> re.Pattern[str] | None:
    """What comes before the value of a name in forms of both kinds, broken JSON and the like, and that value."""
    written = {form for name in names for form in (name, quote(name, safe=""), quote_plus(name))}
    if not written:
        return None
    name = "|".join(map(re.escape, sorted(written, key=len, reverse=True)))
    part = r"[^\n]*\n(?:[^\r\n]+\r?\n){0,9}\r?\n"  # The rest of a part's headers, of which there are few.
    before = rf"""(?<![\w-])(?:(?:{name})["']?\s*[:=]\s*|name="?(?:{name})"?{part})"""
    return re.compile(rf"""({before})(?:"(?:[^"\\]|\\.)*"?|[^\r\n&]+)""", re.IGNORECASE)


def _written(secret: str) -> Iterator[str]:
    """A secret in all the ways in which it may stand in a text."""
    in_path = secret.replace("%", "%25").replace("/", "%2F")
    yield from (secret, quote(secret, safe="", errors="surrogateescape"), json.dumps(secret)[1:-1])
    yield from (in_path, quoted_path(in_path))
    yield secret.replace("+", " ")  # What a query makes of it where it is not encoded.


def scrub(value: Any, secret: Secret) -> Any:
    """A JSON value without what is secret."""
    if secret is None:
        return value
    if isinstance(value, str):
        return secret.sub(HIDDEN, value)
    if isinstance(value, Mapping):
        return {scrub(key, secret): scrub(each, secret) for key, each in value.items()}  # pyright: ignore[reportUnknownVariableType] - JSON
    if isinstance(value, list):
        return [scrub(each, secret) for each in value]  # pyright: ignore[reportUnknownVariableType] - JSON
    return value
