"""What can be wrong with a request, and how the mock says so (RFC 9457)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ._http import Reply

PROBLEM_JSON = "application/problem+json"
PROBLEMS_PATH = "/__mock__/problems/"


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of problem.

    Attributes:
        slug: Its name in the problem's ``type``.
        title: What it is called.
        statuses: The statuses that suit it, the most specific first; an operation's contract decides among them.
        fallback: The status where the contract documents none of them.
        meaning: What causes it and what to do.
    """

    slug: str
    title: str
    statuses: tuple[int, ...]
    fallback: int
    meaning: str

    def status(self, documented: Iterable[str]) -> int:
        """The status to answer with, given those an operation documents (such as 400, 4XX or default)."""
        documented = frozenset(documented)
        for status in self.statuses:
            if str(status) in documented:
                return status
        return self.fallback


UNAUTHORIZED = Kind(
    "unauthorized",
    "The API key is missing or not accepted",
    (401, 403),
    401,
    "Send a key as the contract's security scheme says. The mock takes any key that matches the scheme's "
    "x-key-pattern, or those named with --api-key.",
)
NOT_FOUND = Kind(
    "not-found",
    "There is nothing at this path",
    (404,),
    404,
    "Check the base path and the path; the problem names both.",
)
METHOD_NOT_ALLOWED = Kind(
    "method-not-allowed",
    "The path does not have this method",
    (405,),
    405,
    "Use one of the methods in the Allow header.",
)
CONTENT_TOO_LARGE = Kind(
    "content-too-large", "The body is too large", (413, 400, 422), 413, "Send less; the problem names the limit."
)
UNSUPPORTED_MEDIA_TYPE = Kind(
    "unsupported-media-type",
    "The body's media type is not one the operation takes",
    (415, 400, 422),
    415,
    "Set Content-Type to a media type of the operation's requestBody.",
)
MALFORMED_BODY = Kind(
    "malformed-body",
    "The body cannot be read",
    (400, 422),
    400,
    "Send a body that is well-formed in the media type its Content-Type names.",
)
INVALID_REQUEST = Kind(
    "invalid-request",
    "The request breaks the contract",
    (422, 400),
    400,
    "Each entry of errors names a place in the request, the rule it breaks, and how.",
)
UNKNOWN_JOB = Kind(
    "unknown-job",
    "There is no such job",
    (404, 410, 400, 422),
    404,
    "Poll with an id that a submit to this mock returned under the same API key, unchanged.",
)
NOT_ACCEPTABLE = Kind(
    "not-acceptable",
    "The Accept header excludes every media type of the operation",
    (406,),
    406,
    "Accept one of the media types of the operation's responses.",
)
IMPOSSIBLE_PREFERENCE = Kind(
    "impossible-preference",
    "The Prefer header asks for a response that the contract does not have",
    (400, 422, 404),
    400,
    "Ask for a status or an example that the contract documents for the operation; the problem names them.",
)
CONTROL_TOKEN = Kind(
    "control-token",
    "The control token is missing or wrong",
    (401,),
    401,
    "Send Authorization: Bearer with the token that the mock was started with (--admin-token).",
)
CLOCK_RUNS = Kind(
    "clock-runs",
    "The clock cannot be moved",
    (409,),
    409,
    "Start the mock with --clock manual, or with a ManualClock, to move its time by hand.",
)
SEVERAL_PROCESSES = Kind(
    "several-processes",
    "One process cannot answer for all",
    (503,),
    503,
    "Start the mock with --store, so that its workers share what they know, or with --workers 1. No store shares the "
    "seed of job ids and a clock that is moved by hand; the problem says what these need.",
)
STORE_GONE = Kind(
    "store-gone",
    "The store cannot be reached",
    (503,),
    503,
    "Start the store again, or check its address and password; the problem says what is the matter. The mock finds it "
    "by itself. Jobs that run by time go on.",
)
UNCLEAR_DIRECTIVE = Kind(
    "unclear-directive",
    "The mock is told something that it cannot understand or do",
    (400, 422),
    400,
    "Say it in the words that spacely-mock --help lists: in Prefer, in X-Mock-... headers, in [mock ...] inside a text "
    "of the body, or in a rule. The problem names the text and what is wrong with it.",
)
RATE_LIMITED = Kind(
    "rate-limited",
    "The key has made more calls than its rate limit allows",
    # What the vendor answers is not known, and no other status says this: a 400 or a 401 would send the caller looking
    # for a fault in the request or the key. So it is 429 (RFC 6585) even where the contract does not document it.
    (429,),
    429,
    "Wait as long as Retry-After says. Where there is none, the key stays blocked until its namespace is reset.",
)
IMAGE_EXPIRED = Kind(
    "image-expired",
    "The URL of the image has expired",
    (403,),
    403,
    "The job was asked to end so: its URLs lead to nothing but this.",
)
BROKEN_ANSWER = Kind(
    "broken-answer",
    "The upstream's answer breaks the contract",
    (502,),
    502,
    "The request was answered: the problem has the answer, and what is wrong with it. Either the upstream is at fault, "
    "or the contract no longer describes it.",
)
UPSTREAM_GONE = Kind(
    "upstream-gone",
    "The upstream gave no answer",
    (502,),
    502,
    "The problem says whether the request may have arrived. The proxy never sends one twice.",
)
UPSTREAM_SLOW = Kind(
    "upstream-slow",
    "The upstream did not answer in time",
    (504,),
    504,
    "The problem says whether the request may have arrived. The proxy never sends one twice; --timeout gives it more "
    "time.",
)
INTERNAL = Kind("internal", "The mock has a defect", (500,), 500, "Please report it with the request that led here.")

# Most telling first: a request with several things wrong is answered with the status of the first of these.
KINDS = (
    UNAUTHORIZED,
    RATE_LIMITED,
    NOT_FOUND,
    METHOD_NOT_ALLOWED,
    CONTENT_TOO_LARGE,
    UNSUPPORTED_MEDIA_TYPE,
    MALFORMED_BODY,
    INVALID_REQUEST,
    UNKNOWN_JOB,
    NOT_ACCEPTABLE,
    IMPOSSIBLE_PREFERENCE,
    CONTROL_TOKEN,
    CLOCK_RUNS,
    SEVERAL_PROCESSES,
    STORE_GONE,
    UNCLEAR_DIRECTIVE,
    IMAGE_EXPIRED,
    BROKEN_ANSWER,
    UPSTREAM_GONE,
    UPSTREAM_SLOW,
    INTERNAL,
)


@dataclass(frozen=True, slots=True)
class Violation:
    """One place where a request breaks the contract.

    Attributes:
        kind: What kind of problem it is.
        location: ``body``, or where the parameter is sent.
        name: The parameter's name; empty for the body.
        pointer: The JSON pointer into the body or the parameter's value.
        rule: The keyword that is broken, such as ``required`` or ``format``.
        detail: How it is broken.
    """

    kind: Kind
    location: str
    name: str
    pointer: str
    rule: str
    detail: str

    def as_json(self) -> dict[str, str]:
        """The violation as an entry of a problem's ``errors``."""
        entry = {"in": self.location}
        if self.location != "body":
            entry["name"] = self.name
        if self.location == "body" or self.pointer:
            entry["pointer"] = self.pointer
        return entry | {"rule": self.rule, "detail": self.detail}


def kind_of(violations: Iterable[Violation]) -> Kind:
    """The kind of the whole problem where there are several violations."""
    return min((violation.kind for violation in violations), key=KINDS.index)


def problem_document(
    kind: Kind, status: int, detail: str, instance: str, extensions: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """A problem as RFC 9457 lays it out."""
    return {
        "type": PROBLEMS_PATH + kind.slug,
        "title": kind.title,
        "status": status,
        "detail": detail,
        "instance": instance,
        **(extensions or {}),
    }


def problem(
    kind: Kind,
    detail: str,
    instance: str,
    *,
    extensions: Mapping[str, Any] | None = None,
    headers: tuple[tuple[str, str], ...] = (),
) -> Reply:
    """A problem that belongs to no operation, as a reply."""
    document = problem_document(kind, kind.fallback, detail, instance, extensions)
    return Reply(kind.fallback, (("content-type", PROBLEM_JSON), *headers), json.dumps(document).encode())


def about_blank(status: int, title: str, detail: str, instance: str) -> Reply:
    """A problem that is of no kind but its status."""
    document = {"type": "about:blank", "title": title, "status": status, "detail": detail, "instance": instance}
    return Reply(status, (("content-type", PROBLEM_JSON),), json.dumps(document).encode())
