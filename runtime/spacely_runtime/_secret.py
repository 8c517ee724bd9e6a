"""A value that does not show itself."""

from __future__ import annotations

import re


class Secret:
    """An API key. Neither ``repr``, ``str``, formatting nor pickling gives it away; ``reveal`` does."""

    __slots__ = ("__weakref__", "_shapes", "_value")

    def __init__(self, value: str) -> None:
        self._value = value
        self._shapes: re.Pattern[str] | None = None

    def reveal(self) -> str:
        """The key itself."""
        return self._value

    def redact(self, text: str) -> str:
        """A text with the key replaced, wherever it stands in it: as it is, as in a URL or as in a quoted text."""
        if self._shapes is None:  # Compiled when it is first needed, which may be never.
            self._shapes = re.compile("".join(map(_shapes, self._value)) or "(?!)")
        return self._shapes.sub("***", text)

    def __repr__(self) -> str:
        return "Secret(***)"

    def __str__(self) -> str:
        return "***"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(self._value)

    def __reduce__(self) -> str:
        raise TypeError("an API key is not pickled")


def _shapes(character: str) -> str:
    """A pattern for what a character of a key may be written as."""
    shapes = [re.escape(character), f"(?i:(?:%|\\\\u00){ord(character):02x})"]
    if character == " ":
        shapes.append(r"\+")
    if not character.isalnum():
        shapes[0] = rf"\\?{shapes[0]}"
    return f"(?:{'|'.join(shapes)})"
