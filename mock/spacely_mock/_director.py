"""What is to be done with a request, besides what the contract says: limits, rules, and what it asks for itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ._asking import MagicTexts, read_headers, says_nothing
from ._delivery import Sleep
from ._directives import NOTHING, Directive
from ._faults import spoiled
from ._http import Reply, Request
from ._limits import Limit, Refusal
from ._rules import Rule, Rules
from ._state import State


@dataclass(frozen=True, slots=True)
class Director:
    """Decides on requests.

    Attributes:
        rules: The rules.
        state: Counts how often a rule has matched, and how many requests it has taken.
        limit: The rate limit; None where there is none.
        seed: What chance is drawn from.
        sleep: Waits, where an answer is to be late.
    """

    rules: Rules
    state: State
    limit: Limit | None
    seed: int
    sleep: Sleep

    def leaves_alone(self, request: Request, operation: str, owner: str, body: Any) -> bool:
        """Whether no rule concerns a request that has been noted, where the store asks for that."""
        return self.rules.is_empty() or not self.rules.concern(request, operation, owner, body)

    def is_idle(self, request: Request) -> bool:
        """Whether there is nothing to decide: the answer is what the contract and the mock's defaults say."""
        return self.rules.is_empty() and says_nothing(request)

    async def refuse(self, namespace: str, wait: float | None = None) -> Refusal | None:
        """Why a call is one too many; None where it is not.

        Args:
            namespace: Whose call it is.
            wait: What the state has said of it, where it has been counted already.
        """
        if self.limit is None:
            return None
        return await self.limit.refuse(namespace) if wait is None else self.limit.refusal(wait)

    async def directive(
        self, request: Request, operation: str, namespace: str, body: Any, texts: MagicTexts
    ) -> Directive:
        """What is to be done with a request, from all that is said of it.

        Raises:
            DirectiveError: What it says cannot be understood.
        """
        directive = NOTHING
        if not says_nothing(request):
            directive = read_headers(request).over(texts.read(request, body))
        if self.rules.is_empty():
            return directive
        for rule in await self.rules.match(request, operation, namespace, body):
            if await self._takes(rule, namespace):
                directive = directive.over(rule.then)
        return directive

    async def _takes(self, rule: Rule, namespace: str) -> bool:
        """Whether a rule takes a request that it matches."""
        if rule.chooses:
            count = await self.state.increment(namespace, f"rule {rule.id}")
            if not rule.chooses_the(count, self.seed):
                return False
        # Counted by itself: what a rule has let pass does not use up its times.
        return rule.times is None or await self.state.increment(namespace, f"taken {rule.id}") <= rule.times

    async def spoil(self, reply: Reply, directive: Directive, request: Request, namespace: str) -> Reply:
        """An answer as it is to be delivered."""
        if directive.delay is None:
            return spoiled(reply, directive, request, 0, self.sleep)
        count = await self.state.increment(namespace, "delays")
        return spoiled(reply, directive, request, directive.delay.draw(f"{self.seed} {count}"), self.sleep)
