"""What a caller asks for in the Prefer header (RFC 7240): a status, an example."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ._http import Request

# A name is read from its first letter only and never given back, or a long header would take for ever.
_PREFERENCE = re.compile(
    r'(?<![A-Za-z-])(?P<name>[A-Za-z-]++)\s*+=\s*+(?:"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<bare>[^\s,;"]+))'
)


@dataclass(frozen=True, slots=True)
class Preference:
    """What a caller asks for.

    Attributes:
        code: The status, as sent; None where none is asked for.
        example: The name of an example; None where none is asked for.
    """

    code: str | None = None
    example: str | None = None

    @property
    def applied(self) -> str:
        """It as the Preference-Applied header says it."""
        wishes = [("code", self.code), ("example", self.example)]
        return ", ".join(f"{name}={value}" for name, value in wishes if value is not None)


def read_preference(request: Request) -> Preference | None:
    """What a request asks for; None where it asks for nothing that the mock can give."""
    found: dict[str, str] = {}
    for header in request.headers("prefer"):
        for match in _PREFERENCE.finditer(header):
            value = match["bare"] if match["quoted"] is None else re.sub(r"\\(.)", r"\1", match["quoted"])
            found.setdefault(match["name"].lower(), value)  # RFC 7240: of the same preference, the first counts.
    preference = Preference(found.get("code"), found.get("example"))
    return preference if preference.applied else None
