"""What was seen of an API: requests with their answers, and the operation of the contract that each belongs to."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias
from urllib.parse import unquote, urlsplit

import httpx

from spacely_mock._http import Request as PlainRequest
from spacely_mock._requests import Checked, RequestRules
from spacely_spec import Answer, Operation, Polling, SecurityScheme, Spec, read_pointer

from .. import credentials
from ..report import Exchange, redact, shortened

Key: TypeAlias = Literal["right", "wrong", "none"]
_NOT_ABOUT_THE_REQUEST = frozenset({401, 402, 403, 407, 408, 429})
_QUERY_IN_TEXT = re.compile(r"""(https?://[^\s"'<>?]+)\?[^\s"'<>]*""")


@dataclass(frozen=True, slots=True)
class Observation:
    """One request and its answer.

    Attributes:
        operation: Whose request it is.
        source: The step that sent it, or the entry of the recording.
        request: The request as sent.
        response: The answer, read.
        at: When it was sent, in seconds since the Unix epoch.
        key: Whether the key was in its place, another text was there, or nothing.
        checked: The request's values, and where it breaks the contract.
        check: The name of the check that the expected statuses make; empty where there is none.
        expected: The statuses with which the contract answers such a request; empty where it leaves that open.
        breaks: The pointer of the one statement that the request breaks on purpose; empty where there is none.
        shows: The pointer of the statement that the request was made for; empty where there is none.
        whole: Whether the body of the answer is all there.
    """

    operation: Operation
    source: str
    request: httpx.Request
    response: httpx.Response
    at: float
    key: Key
    checked: Checked
    check: str = ""
    expected: tuple[str, ...] = ()
    breaks: str = ""
    shows: str = ""
    whole: bool = True

    @property
    def status(self) -> int:
        """The status of the answer."""
        return self.response.status_code

    @property
    def accepted(self) -> bool:
        """Whether the answer says that the request was in order."""
        return self.response.is_success

    @property
    def refused(self) -> bool:
        """Whether the answer says that something is wrong with the request itself, its key and pace aside."""
        return 400 <= self.status < 500 and self.status not in _NOT_ABOUT_THE_REQUEST

    @property
    def valid(self) -> bool:
        """Whether the request keeps the contract, its key aside."""
        return not self.checked.violations

    @property
    def answer(self) -> Answer:
        """The answer as runtime expressions read it; a body that is no JSON reads as nothing."""
        return Answer(self.status, self.response.headers, self.json)

    @property
    def json(self) -> Any:
        """The JSON value of the body, or None."""
        try:
            return self.response.json()
        except (ValueError, RecursionError):
            return None

    def evidence(self, secrets: Iterable[str]) -> Exchange:
        """The exchange as a report shows it: without secrets, and no longer than a person reads."""
        secrets = tuple(secrets)
        sent = self.request.content.decode("utf-8", "replace")
        received = self.response.text
        status = f"{self.status} {self.response.reason_phrase}".strip()
        return Exchange(
            redact(f"{self.request.method} {self.request.url}\n{shortened(sent)}".strip(), secrets),
            redact(f"{status}\n{without_signatures(shortened(received))}".strip(), secrets),
        )


def without_signatures(text: str) -> str:
    """A text whose URLs have lost their queries: what stands there may be a signature that opens the file."""
    return _QUERY_IN_TEXT.sub(r"\1?…", text)


@dataclass(frozen=True, slots=True)
class Job:
    """One job as it was seen: its submit, where that was seen, and its polls in their order."""

    polling: Polling
    id: str
    submit: Observation | None
    polls: tuple[Observation, ...]


@dataclass
class Observations:
    """All that was seen, in its order."""

    spec: Spec
    all: list[Observation] = field(default_factory=list[Observation])

    def of(self, operation: Operation) -> list[Observation]:
        """Those of an operation."""
        return [each for each in self.all if each.operation.id == operation.id]

    def jobs(self, submit: Operation) -> list[Job]:
        """The jobs of an operation, from its submits and from polls of ids that no submit here returned."""
        polling = submit.polling
        if polling is None:
            return []
        target = self.spec.operation(polling.target)
        location = next(p.location for p in target.parameters if p.name == polling.parameter)
        submits = {
            str(polling.job_id.read(each.answer)): each
            for each in self.of(submit)
            if each.accepted and polling.job_id.read(each.answer) is not None
        }
        polls: dict[str, list[Observation]] = {job: [] for job in submits}
        for each in self.of(target):
            value = each.checked.parameters.get((location, polling.parameter))
            known = value is not None and (each.accepted or str(value) in submits)
            if known and each.key == "right":
                polls.setdefault(str(value), []).append(each)
        return [Job(polling, job, submits.get(job), tuple(seen)) for job, seen in polls.items()]


class Reader:
    """Finds the operation of a request, and reads the request as the contract describes it.

    Args:
        spec: The contract.
        bases: The base URLs under which its paths begin.
    """

    def __init__(self, spec: Spec, bases: Iterable[str]) -> None:
        self._spec = spec
        self._bases = [urlsplit(base.rstrip("/")) for base in bases]
        schemes = credentials.schemes(spec).values()
        names = frozenset(scheme.name for scheme in schemes if scheme.location == "query")
        self._rules = {
            operation.id: RequestRules(operation, spec.components, security_names=names, body_limit=1 << 30)
            for operation in spec.operations
        }
        # A path without a parameter goes before one that has one in its place.
        self._routes = [
            (operation.method, _template(operation.path), operation)
            for operation in sorted(spec.operations, key=lambda operation: operation.path.count("{"))
        ]

    def is_here(self, url: httpx.URL) -> bool:
        """Whether a URL is one of the API's host."""
        return any(_authority(str(url)) == _authority(base.geturl()) for base in self._bases)

    def find(self, method: str, url: httpx.URL) -> tuple[Operation, Mapping[str, str]] | None:
        """The operation that a method and URL call, with the values of its path; None where there is none."""
        raw = url.raw_path.decode("ascii").partition("?")[0]
        for base in self._bases:
            if _authority(str(url)) != _authority(base.geturl()) or not raw.startswith(base.path):
                continue
            for wanted, template, operation in self._routes:
                match = template.fullmatch(raw.removeprefix(base.path))
                if match and wanted == method.upper():
                    names = re.findall(r"\{([^{}]*)\}", operation.path)
                    return operation, dict(zip(names, map(unquote, match.groups()), strict=True))
        return None

    def check(self, operation: Operation, request: httpx.Request, path_values: Mapping[str, str]) -> Checked:
        """The values of a request, and where it breaks the contract."""
        plain = PlainRequest(
            request.method,
            unquote(request.url.path),
            request.url.query,
            tuple((name.lower(), value) for name, value in request.headers.raw),
            request.content,
            False,
            f"{request.url.scheme}://{request.url.netloc.decode()}",
        )
        return self._rules[operation.id].check(plain, path_values)


def presented(scheme: SecurityScheme, request: httpx.Request) -> str | None:
    """The key that a request carries in a scheme's place, or None."""
    match scheme.location:
        case "header":
            value = request.headers.get(scheme.name)
        case "query":
            value = request.url.params.get(scheme.name)
        case _:
            pairs = (pair.strip().partition("=") for pair in request.headers.get("cookie", "").split(";"))
            value = next((value for name, _, value in pairs if name == scheme.name), None)
    if value is None or not value.startswith(scheme.prefix):
        return None
    return str(value.removeprefix(scheme.prefix))


def follow(spec: Spec, pointer: str) -> tuple[Any, str]:
    """What stands at a place of the contract, past its references, and where that is."""
    node = read_pointer(spec.document, pointer)
    while isinstance(node, Mapping) and isinstance(node.get("$ref"), str):
        pointer = unquote(str(node["$ref"]).removeprefix("#"))
        node = read_pointer(spec.document, pointer)
    return node, pointer


def _template(path: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\\\{[^{}]*\\\}", "([^/]+)", re.escape(path)))


def _authority(url: str) -> tuple[str, int | None]:
    parts = urlsplit(url)
    return parts.hostname or "", parts.port or {"http": 80, "https": 443}.get(parts.scheme)
