"""The ways to show a key, right and wrong, read from the security schemes of a contract."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from spacely_spec import Operation, SecurityScheme, Spec

_ELSEWHERE: Mapping[str, tuple[str, ...]] = {
    "header": ("query", "cookie"),
    "query": ("header", "cookie"),
    "cookie": ("header", "query"),
}


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a request carries to show who sends it, by place."""

    header: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    cookie: Mapping[str, str] = field(default_factory=dict)


def schemes(spec: Spec) -> dict[str, SecurityScheme]:
    """Every security scheme that an operation uses, by its id."""
    return {
        scheme.id: scheme
        for operation in spec.operations
        for alternative in operation.security
        for scheme in alternative
    }


def made_up_key(seed: int) -> str:
    """A key for a mock, the same for the same seed; it need match no pattern, since the mock is told of it."""
    return "contract-" + hashlib.sha256(str(seed).encode()).hexdigest()[:32]


def fault(key: str) -> str | None:
    """What keeps a key from being sent in a header as it is, in words that do not show it; None where nothing does."""
    if key != key.strip():
        return "it begins or ends with a blank or a line break"
    if not key.isascii():
        return "it has a character that is not ASCII"
    return None if key.isprintable() else "it has a control character or a line break"


def needs_key(operation: Operation) -> bool:
    """Whether the operation refuses a request without a key; an empty alternative makes the key optional."""
    return bool(operation.security) and all(operation.security)


def right(operation: Operation, key: str) -> Credentials:
    """The key where the operation's first alternative that asks for one wants it."""
    return next(every_right(operation, key), Credentials())


def every_right(operation: Operation, key: str) -> Iterator[Credentials]:
    """The key where each alternative of the operation that asks for one wants it."""
    for alternative in filter(None, operation.security):
        yield _placed([(scheme.location, scheme.name, scheme.prefix + key) for scheme in alternative])


def wrong(operation: Operation, key: str) -> Iterator[tuple[str, Credentials]]:
    """Every way to fail: the name of the check, and what the request carries instead of the right key."""
    yield "key_missing", Credentials()
    for alternative in filter(None, operation.security):
        yield from _wrong(alternative, key)


def _wrong(alternative: Sequence[SecurityScheme], key: str) -> Iterator[tuple[str, Credentials]]:
    for scheme in alternative:
        others = [(other.location, other.name, other.prefix + key) for other in alternative if other != scheme]
        failures = [
            ("key_empty", scheme.location, scheme.name, scheme.prefix),
            ("key_wrong", scheme.location, scheme.name, scheme.prefix + _stranger(scheme)),
            ("key_wrong", scheme.location, scheme.name, scheme.prefix + key + "x"),
            ("key_wrong", scheme.location, scheme.name, scheme.prefix + key.swapcase()),
            *(("key_misplaced", place, scheme.name, scheme.prefix + key) for place in _ELSEWHERE[scheme.location]),
            ("key_misnamed", scheme.location, scheme.name + "-2", scheme.prefix + key),
        ]
        if scheme.prefix:
            failures.append(("key_without_prefix", scheme.location, scheme.name, key))
        elif scheme.location == "header":
            failures.append(("key_misnamed", "header", "Authorization", "Bearer " + key))
        for check, location, name, value in failures:
            yield check, _placed([*others, (location, name, value)])


def _placed(values: list[tuple[str, str, str]]) -> Credentials:
    credentials = Credentials({}, {}, {})
    for location, name, value in values:
        getattr(credentials, location)[name] = value
    return credentials


def _stranger(scheme: SecurityScheme) -> str:
    """A key that is none: one that the pattern of the keys, where there is one, does not match."""
    candidates = ("nobody-5d41402abc4b2a76b9719d911017c592", "~", "0")
    pattern = re.compile(scheme.key_pattern or "(?!)")
    return next((candidate for candidate in candidates if not pattern.search(candidate)), candidates[0])
