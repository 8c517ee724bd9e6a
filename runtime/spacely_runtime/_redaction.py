"""What must not be seen, taken out of what httpx and the libraries below it log.

httpx logs the URL of each request at INFO, where a key may stand in the query; the others log what servers answer at
DEBUG, where a key may come back. The filter stands on their loggers, so no handler, whoever set it up, is given it.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final
from weakref import WeakValueDictionary

from ._secret import Secret

_ENCODED: Final = ("hpack.hpack", "hpack.table")
# By name, since a filter on a logger does not see what the loggers below it are given.
LOGGERS: Final = (
    "httpx",
    *(f"httpcore.{name}" for name in ("connection", "http11", "http2", "proxy", "socks")),
    *_ENCODED,
)
_CREDENTIALS: Final = re.compile(r"(?<=://)[^/?#\s]*@")
_QUERY: Final = re.compile(r"""\?[^\s'"]+""")

_secrets: Final = WeakValueDictionary[int, Secret]()  # By identity: two that are equal live as long as each does.
_of_a_file: Final = ContextVar("of_a_file", default=False)


def keep_out_of_logs(secret: Secret | None) -> None:
    """Have a key replaced in what is logged, as long as it is in use."""
    if secret is not None:
        _secrets[id(secret)] = secret
    for name in LOGGERS:
        logging.getLogger(name).addFilter(_filter)  # Once, however often it is added.


@contextmanager
def fetching_a_file() -> Generator[None]:
    """Have the query of every URL replaced too: that of a file's may be a signature, which opens it to anybody."""
    before = _of_a_file.set(True)
    try:
        yield
    finally:
        _of_a_file.reset(before)


def without_credentials(text: str) -> str:
    """A text with the credentials of its URLs replaced."""
    return _CREDENTIALS.sub("***@", text)


def bare_urls(text: str) -> str:
    """A text with the queries and the credentials of its URLs replaced."""
    return _QUERY.sub("?***", without_credentials(text))


class _Filter(logging.Filter):
    """Takes out what must not be seen."""

    def filter(self, record: logging.LogRecord) -> bool:
        if record.name in _ENCODED:
            return False  # They log headers as HTTP/2 encodes them: a key is in there, and can be decoded.
        text = shown = _message(record)
        for reference in _secrets.valuerefs():  # A list; the dictionary may change meanwhile.
            secret = reference()
            if secret is not None:
                shown = secret.redact(shown)
        shown = bare_urls(shown) if _of_a_file.get() else without_credentials(shown)
        if shown != text:
            record.msg, record.args = shown, ()
        return True


def _message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except Exception:  # noqa: BLE001 - as for logging itself: a record that cannot be written ends no request
        record.msg, record.args = "(a record that cannot be formatted)", ()
        return record.msg


_filter: Final = _Filter()
