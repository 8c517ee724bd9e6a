"""When a call is made again, and after how long: decided without I/O, and never where it could cost twice."""

from __future__ import annotations

import random
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

from . import _clock, errors
from ._defaults import MOST_RETRY_AFTER_SECONDS, MOST_RETRY_PAUSE_SECONDS, RETRY_PAUSE_SECONDS, RETRY_SECONDS

# RFC 9110, 9.2.2: making such a call twice does what making it once does.
_IDEMPOTENT: Final = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "DELETE", "TRACE"})
_PASSING: Final = frozenset({408, 425, 429, 500, 502, 503, 504})


class Retries:
    """The retries of one call.

    Args:
        method: The HTTP method.
        most: How many there may be.
    """

    def __init__(self, method: str, most: int) -> None:
        self._idempotent = method in _IDEMPOTENT
        self._most = most
        self._made = 0
        self._began = _clock.monotonic()

    def pause(self, error: errors.ClientError) -> float | None:
        """How long to wait before the next attempt.

        Args:
            error: What the last attempt ended in.

        Returns:
            Seconds; None where there is to be no further attempt.
        """
        if self._made >= self._most or not self._may_help(error):
            return None
        asked = retry_after(error.headers) if isinstance(error, (errors.StatusError, errors.DownloadError)) else None
        if asked is not None and asked > MOST_RETRY_AFTER_SECONDS:
            return None
        pause = max(backoff(self._made), asked or 0.0)
        if _clock.monotonic() + pause - self._began > RETRY_SECONDS:
            return None
        self._made += 1
        return pause

    def _may_help(self, error: errors.ClientError) -> bool:
        if isinstance(error, errors.DownloadError):
            return error.may_pass
        if self._idempotent:
            if isinstance(error, errors.StatusError):
                return passing(error.status_code)
            return isinstance(error, errors.TransportError)
        if isinstance(error, errors.StatusError):
            return says_not_now(error.status_code, error.headers)
        return isinstance(error, errors.TransportError) and error.never_sent


def passing(status_code: int) -> bool:
    """Whether a status tells of a trouble that may be over a little later."""
    return status_code in _PASSING


def says_not_now(status_code: int, headers: Mapping[str, str]) -> bool:
    """Whether an answer says that the request was turned away unread, to be made again later."""
    return status_code == 429 or (status_code == 503 and retry_after(headers) is not None)


def backoff(attempt: int) -> float:
    """Seconds before the attempt after this many: doubled each time, up to a most."""
    return jittered(min(RETRY_PAUSE_SECONDS * 2.0**attempt, MOST_RETRY_PAUSE_SECONDS))


def jittered(pause: float) -> float:
    """A pause, a quarter of it left to chance, so that those who failed together do not come back together."""
    return pause * random.uniform(0.75, 1.0)  # noqa: S311 - spreads load, keeps no secret


def retry_after(headers: Mapping[str, str]) -> float | None:
    """The seconds that a Retry-After header asks for, given as a number or as a date; None where there is none."""
    text = headers.get("retry-after", "").strip()
    if text.isascii() and text.isdecimal():
        return float(text[:9])
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())
