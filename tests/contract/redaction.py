"""Keys taken out of every text that is written down, in whatever form they got into it."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable
from functools import lru_cache
from urllib.parse import quote, quote_plus

REDACTED = "[redacted]"
# Fewer characters of base64 than this stand for too few bytes to be taken for a key.
_TELLING = 8


def redact(text: str, secrets: Iterable[str]) -> str:
    """A text without the secrets, as a URL, a JSON document or base64 would hold them."""
    for secret in secrets:
        for form in forms(secret):
            text = text.replace(form, REDACTED)
    return text


@lru_cache(maxsize=64)
def forms(secret: str) -> tuple[str, ...]:
    """The ways to write a secret: as it is, in a URL, in JSON, and within base64; longer ones first."""
    quoted = {quote(secret, safe=""), quote(secret), quote_plus(secret)}
    in_json = {json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1]}
    written = {secret, *in_json, *quoted, *(_lower_escapes(text) for text in quoted)}
    encoded = {form for offset in range(3) for form in _within_base64(secret.encode(), offset)}
    return tuple(sorted(written - {""} | {form for form in encoded if len(form) >= _TELLING}, key=len, reverse=True))


def _within_base64(secret: bytes, offset: int) -> tuple[str, str]:
    """What is always the same in the base64 of a text that has the secret so many bytes after a multiple of three."""
    text = base64.b64encode(bytes(offset) + secret).decode().rstrip("=")
    first = -(-offset * 8 // 6)  # The characters before it depend on what stands before the secret,
    last = len(secret) * 8 + offset * 8  # and one at the end on what follows it.
    whole = text[first : last // 6]
    return whole, whole.replace("+", "-").replace("/", "_")


def _lower_escapes(text: str) -> str:
    head, *others = text.split("%")
    return "%".join([head, *(other[:2].lower() + other[2:] for other in others)])
