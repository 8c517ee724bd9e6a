"""Keys taken out of every text that is written down, in whatever form they got into it."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from urllib.parse import quote, quote_plus, unquote, urlsplit

REDACTED = "[redacted]"
# Fewer characters of base64 than this stand for too few bytes to be taken for a key.
_TELLING = 8
_USERINFO = re.compile(r"""(\b[a-zA-Z][a-zA-Z0-9+.-]*://)[^/?#\s"'<>\\]+@""")


def redact(text: str, secrets: Iterable[str]) -> str:
    """A text without the secrets, in whatever case and form, and without the user and password of its URLs."""
    for secret in secrets:
        folded = text.casefold()
        for form, pattern in _patterns(secret):
            if form in folded:
                text = pattern.sub(REDACTED, text)
    return _USERINFO.sub(rf"\1{REDACTED}@", text) if "://" in text else text


def userinfo(url: str) -> list[str]:
    """What a URL has before its host, as written and as sent, as far as it can be told from other texts."""
    written = urlsplit(url).netloc.rpartition("@")[0]
    found = [written, unquote(written), unquote(written.partition(":")[2])]
    return [text for text in dict.fromkeys(found) if len(text) >= _TELLING]


def shown(name: str, value: str, secrets: Iterable[str]) -> str:
    """The value of a header as a report has it: of cookies and other credentials, only what they are for is left."""
    match name.lower():
        case "authorization" | "proxy-authorization":
            scheme, blank, _ = value.partition(" ")
            value = f"{scheme} {REDACTED}" if blank else REDACTED
        case "cookie":
            value = "; ".join(map(_without_value, value.split(";")))
        case "set-cookie":
            pair, semicolon, attributes = value.partition(";")
            value = _without_value(pair) + semicolon + attributes
        case _:
            pass
    return redact(value, secrets)


def sessions(name: str, value: str) -> Iterator[str]:
    """The texts of a header that open somebody's session, as far as they are long enough to be told from others."""
    match name.lower():
        case "authorization" | "proxy-authorization":
            found = [value.partition(" ")[2] or value]
        case "cookie":
            found = [pair.partition("=")[2] for pair in value.split(";")]
        case "set-cookie":
            found = [value.partition(";")[0].partition("=")[2]]
        case _:
            found = []
    yield from (text.strip() for text in found if len(text.strip()) >= _TELLING)


def _without_value(cookie: str) -> str:
    name, equals, _ = cookie.strip().partition("=")
    return f"{name}={REDACTED}" if equals else REDACTED


def gives_away(text: str, secret: str) -> bool:
    """Whether a text has a secret in it, in any form that gives it away."""
    folded = text.casefold()
    return any(form in folded for form, _ in _patterns(secret))


@lru_cache(maxsize=64)
def _patterns(secret: str) -> tuple[tuple[str, re.Pattern[str]], ...]:
    """The ways to write a secret, longer ones first: as texts in one case to look for fast, and to replace."""
    # One in another case gives the key back, and one of the probes sends that; in base64 it looks like another one.
    cases = dict.fromkeys((secret, secret.swapcase(), secret.lower(), secret.upper()))
    written = {form.casefold(): form for case in cases for form in forms(case) if form}
    longest = sorted(written.items(), key=lambda each: (-len(each[1]), each[1]))
    return tuple((folded, re.compile(re.escape(form), re.IGNORECASE)) for folded, form in longest)


def forms(secret: str) -> Iterator[str]:
    """The ways to write a secret: as it is, in JSON, in a URL, in a shell, as hex, and within base64."""
    yield secret
    yield from (json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1])
    yield from (quote(secret, safe=""), quote(secret), quote_plus(secret))
    yield secret.replace("'", "'\"'\"'")  # As shlex.quote() has it in a curl line.
    yield secret.encode().hex()
    encoded = (form for offset in range(3) for form in _within_base64(secret.encode(), offset))
    yield from (form for form in encoded if len(form) >= _TELLING)


def _within_base64(secret: bytes, offset: int) -> tuple[str, str]:
    """What is always the same in the base64 of a text that has the secret so many bytes after a multiple of three."""
    text = base64.b64encode(bytes(offset) + secret).decode().rstrip("=")
    first = -(-offset * 8 // 6)  # The characters before it depend on what stands before the secret,
    last = len(secret) * 8 + offset * 8  # and one at the end on what follows it.
    whole = text[first : last // 6]
    return whole, whole.replace("+", "-").replace("/", "_")
