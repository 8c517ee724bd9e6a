"""Rules: what is to be done with the requests that they match, and how often."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from random import Random
from typing import Any

from jsonschema_rs import Draft4Validator

from spacely_spec import faults, join_pointer

from ._directives import NOTHING, WORDS, Directive, DirectiveError, parse_directive
from ._http import Request
from ._matching import any_like, check_path, choice, found_at
from ._state import EVERYONE, State, namespace_of

_TEXT = {"type": "string"}
_PATTERNS = {"type": "object", "additionalProperties": {"type": ["string", "number", "integer"]}}
_WHEN: dict[str, Any] = {
    "type": "object",
    "properties": {
        **dict.fromkeys(("operation", "method", "path", "namespace"), _TEXT),
        **dict.fromkeys(("headers", "query"), _PATTERNS),
        "body": {"type": "object"},
    },
    "additionalProperties": False,
}
_SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["then"],
    "properties": {
        "id": {"type": "string", "minLength": 1, "maxLength": 200},
        "when": _WHEN,
        "then": {
            "type": "object",
            "minProperties": 1,
            "properties": {word: {"type": ["string", "number", "integer"]} for word in WORDS},
            "additionalProperties": False,
        },
        "times": {"type": "integer", "minimum": 1},
        "every": {"type": "integer", "minimum": 1},
        "probability": {"type": "number", "minimum": 0, "maximum": 1},
    },
    "additionalProperties": False,
}
_VALIDATOR = Draft4Validator({"type": "array", "items": _SCHEMA})
_REMEDY = "write a list of rules, each with then: and perhaps id:, when:, times:, every:, probability:"


class RuleError(ValueError):
    """A rule cannot be understood.

    Attributes:
        pointer: The JSON pointer of the place in the list of rules.
        message: What is wrong.
        remedy: What to do about it.
    """

    def __init__(self, pointer: str, message: str, remedy: str) -> None:
        self.pointer = pointer
        self.message = message
        self.remedy = remedy
        super().__init__(f"{message} (at {pointer or 'the top'}); {remedy}")


@dataclass(frozen=True)
class Condition:
    """What a request must be like for a rule to match it: all of what is said.

    Texts are patterns as those of file names (``*``, ``?``, ``[abc]``); anything else must be equal.

    Attributes:
        operation: The operationId.
        method: The method.
        path: The path, the base path included.
        namespace: The namespace of the caller.
        headers: Values by name.
        query: Values by name.
        body: Values by JSONPath (RFC 9535): one of the values found must be like this.
    """

    operation: str | None = None
    method: str | None = None
    path: str | None = None
    namespace: str | None = None
    headers: Mapping[str, Any] = field(default_factory=dict[str, Any])
    query: Mapping[str, Any] = field(default_factory=dict[str, Any])
    body: Mapping[str, Any] = field(default_factory=dict[str, Any])

    def holds(self, request: Request, operation: str, namespace: str, body: Any) -> bool:
        """Whether a request is like this."""
        method = self.method and self.method.upper()
        facts = ((self.operation, operation), (method, request.method), (self.path, request.path))
        if not all(wanted is None or fnmatchcase(fact, wanted) for wanted, fact in facts):
            return False
        if self.namespace not in {None, namespace}:
            return False
        return (
            all(any_like(request.headers(name), wanted) for name, wanted in self.headers.items())
            and all(
                any_like([value for name, value in request.query if name == key], wanted)
                for key, wanted in self.query.items()
            )
            and all(any_like(found_at(path, body), wanted) for path, wanted in self.body.items())
        )


@dataclass(frozen=True)
class Rule:
    """One rule.

    Attributes:
        id: Tells it from others; its counter has this name.
        when: Which requests it matches.
        then: What is to be done with them.
        times: How many of them it takes, of each namespace; None for all.
        every: It takes every n-th only; None for each.
        probability: The share of them that it takes; None for all.
    """

    id: str
    when: Condition
    then: Directive
    times: int | None = None
    every: int | None = None
    probability: float | None = None

    @property
    def chooses(self) -> bool:
        """Whether it lets some requests pass that it matches."""
        return self.every is not None or self.probability is not None

    def chooses_the(self, count: int, seed: int) -> bool:
        """Whether it takes the request that it has matched as the n-th, counted from 1, unless it has taken enough."""
        if self.every is not None:
            if count % self.every:
                return False
            count //= self.every
        chance = Random(f"{seed} {self.id} {count}").random()  # noqa: S311 - no secret
        return self.probability is None or chance < self.probability

    def to_json(self) -> dict[str, Any]:
        """It as ``RuleSet.from_json`` reads it."""
        when = {name: value for name, value in vars(self.when).items() if value not in (None, {})}
        often = {name: getattr(self, name) for name in ("times", "every", "probability")}
        said = {name: value for name, value in often.items() if value is not None}
        return {"id": self.id, "when": when, "then": self.then.to_json(), **said}


@dataclass(frozen=True)
class RuleSet:
    """Rules in the order in which they were set: one that was set later stands above those before it.

    Attributes:
        rules: The rules.
    """

    rules: tuple[Rule, ...] = ()

    @classmethod
    def from_json(cls, document: Any, *, prefix: str = "rule") -> RuleSet:
        """Read rules from a list of them.

        Args:
            document: A JSON value.
            prefix: What the ids begin with that are given to rules without one.

        Returns:
            The rules.

        Raises:
            RuleError: One of them cannot be understood.
        """
        for fault in faults(_VALIDATOR.iter_errors(document), _REMEDY):
            raise RuleError(*fault)
        rules = tuple(_rule(index, entry, prefix) for index, entry in enumerate(document))
        ids = [rule.id for rule in rules]
        for index, name in enumerate(ids):
            if name in ids[:index]:
                raise RuleError(f"/{index}", f"two rules have the id {name!r}", "give each its own, or none")
        return cls(rules)

    def check_operations(self, operations: Sequence[str]) -> None:
        """Raise RuleError where a rule is for no operation of a contract, which has these: it would never match."""
        for index, rule in enumerate(self.rules):
            wanted = rule.when.operation
            if wanted is not None and not any_like(operations, wanted):
                place = f"/{index}" + join_pointer("when", "operation")
                message = f"the contract has no operation {wanted[:_SHOWN]!r}"
                raise RuleError(place, message, choice(wanted, operations))

    def to_json(self) -> list[dict[str, Any]]:
        """The rules as ``from_json`` reads them."""
        return [rule.to_json() for rule in self.rules]

    def match(self, request: Request, operation: str, namespace: str, body: Any) -> list[Rule]:
        """The rules whose conditions a request meets, the uppermost first."""
        return [rule for rule in reversed(self.rules) if rule.when.holds(request, operation, namespace, body)]


class Rules:
    """All rules that hold for a namespace: its own, those set for everyone, and those that the mock was started with.

    Args:
        first: Those that the mock was started with.
        state: Has the others.
    """

    def __init__(self, first: RuleSet, state: State) -> None:
        self._first = first
        self._state = state
        self._read: dict[str, tuple[Any, RuleSet]] = {}

    def is_empty(self) -> bool:
        """Whether there are none for anyone."""
        return not self._first.rules and not self._state.has_rules()

    async def match(self, request: Request, operation: str, namespace: str, body: Any) -> list[Rule]:
        """The rules whose conditions a request meets, the uppermost first."""
        documents = [(each, await self._state.rules(each)) for each in (namespace, EVERYONE)]
        sets = [*(self._parsed(each, document) for each, document in documents), self._first]
        return [rule for each in sets for rule in each.match(request, operation, namespace, body)]

    def concern(self, request: Request, operation: str, owner: str, body: Any) -> bool:
        """Whether one of them matches a request that has just been noted, if need be."""
        namespace = namespace_of(owner)
        sets = [*(self._parsed(each, self._state.known_rules(each)) for each in (namespace, EVERYONE)), self._first]
        return any(each.match(request, operation, namespace, body) for each in sets)

    def _parsed(self, namespace: str, document: Sequence[Any]) -> RuleSet:
        if not document:
            return _NONE
        known = self._read.get(namespace)
        if known is not None and known[0] == document:
            return known[1]
        rules = RuleSet.from_json(document, prefix=f"rule-{namespace or 'everyone'}")
        if len(self._read) >= _KEPT:
            self._read.clear()
        self._read[namespace] = (document, rules)
        return rules


_NONE = RuleSet()
_KEPT = 1000
_SHOWN = 100


def _rule(index: int, entry: Mapping[str, Any], prefix: str) -> Rule:
    place = f"/{index}"
    when: dict[str, Any] = dict(entry.get("when", {}))
    for part in ("headers", "query"):
        when[part] = {name: str(value) for name, value in when.get(part, {}).items()}
    condition = Condition(**when)
    for path in condition.body:
        try:
            check_path(path)
        except ValueError as error:
            where, message = place + join_pointer("when", "body", path), f"{path!r} is no JSONPath: {error}"
            raise RuleError(where, message, "write one as RFC 9535 has it, such as $.items[*].name") from error
    then = NOTHING
    for name, value in entry["then"].items():
        try:
            then = parse_directive([(name, str(value))]).over(then)
        except DirectiveError as error:
            where = place + join_pointer("then", name)
            raise RuleError(where, str(error).rstrip("."), "see spacely-mock --help for all words") from error
    often: dict[str, Any] = {name: entry.get(name) for name in ("times", "every", "probability")}
    return Rule(entry.get("id", f"{prefix}-{index + 1}"), condition, then, **often)
