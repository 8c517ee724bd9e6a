"""The names that an operation gets in the client and on the command line."""

from __future__ import annotations

import re


def snake_case(name: str) -> str:
    """A name of the contract in snake_case, as the client's methods have it: `get_http_result` of `getHTTPResult`."""
    if name != name.lower():
        name = re.sub(r"([A-Z]?[a-z]+)", r" \1 ", name)
    return "_".join(re.findall(r"[^\W_]+", name)).lower()
