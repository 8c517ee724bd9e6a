"""What the interface under /__mock__/ has for a mock: rules, jobs, the seed of ids, the clock."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ._clock import ManualClock
from ._control import Asked, Control, Controlled, RefusedError
from ._jobs import JobSettings, SubmitJob
from ._problems import CLOCK_RUNS, INVALID_REQUEST, SEVERAL_PROCESSES
from ._rules import RuleSet


class MockControl(Control):
    """Answers requests for the interface of a mock.

    Args:
        controlled: What can be seen.
        token: What callers have to send as a bearer token; None asks for nothing.
        settings: What all jobs share.
        submits: The operations that start jobs, by operationId.
        first: The rules that the mock was started with.
    """

    def __init__(
        self,
        controlled: Controlled,
        token: str | None,
        *,
        settings: JobSettings,
        submits: Mapping[str, SubmitJob],
        first: RuleSet,
    ) -> None:
        super().__init__(controlled, token)
        self._settings = settings
        self._submits = submits
        self._first = [{**rule, "origin": "start"} for rule in first.to_json()]

    async def _list_rules(self, asked: Asked) -> list[Any]:
        return [*self._first, *await self._mock.state.rules(asked.scope)]

    async def _add_rule(self, asked: Asked) -> list[Any]:
        rule = await self._named(asked.checked.body, asked)
        self._check_rules([rule], await self._mock.state.rules(asked.scope))
        await self._mock.state.add_rule(asked.scope, rule)
        return await self._list_rules(asked)

    async def _replace_rules(self, asked: Asked) -> list[Any]:
        rules = [await self._named(rule, asked) for rule in asked.checked.body]
        self._check_rules(rules)
        await self._mock.state.set_rules(asked.scope, rules)
        return await self._list_rules(asked)

    async def _named(self, rule: Mapping[str, Any], asked: Asked) -> dict[str, Any]:
        """A rule with an id that no rule before it has had, so that it does not go on with the counter of another."""
        if "id" in rule:
            return dict(rule)
        number = await self._mock.state.increment(asked.scope, "rules")
        return {"id": f"{asked.scope or 'everyone'}-{number}", **rule}

    async def _delete_rules(self, asked: Asked) -> list[Any]:
        await self._mock.state.set_rules(asked.scope, [])
        return await self._list_rules(asked)

    async def _list_jobs(self, asked: Asked) -> dict[str, Any]:
        settings = self._settings
        jobs: list[dict[str, Any]] = []
        for line in await self._mock.state.lines():
            submit = self._submits.get(line["operation"] or "")
            if submit is None or line["job"] is None or asked.namespace not in {None, line["namespace"]}:
                continue
            job = settings.sealer.glance(submit.form, line["job"])
            if job is not None:
                jobs.append(
                    {
                        "id": job.id,
                        "operation": line["operation"],
                        "namespace": line["namespace"],
                        "created": job.created,
                        "seconds": settings.plan(job).seconds,
                        "done": settings.has_run(job),
                        "status": line["status"],
                    }
                )
        return {"jobs": jobs}

    async def _reset(self, asked: Asked) -> dict[str, Any]:
        done = await super()._reset(asked)
        if asked.namespace is None:
            self._settings.sealer.restart(self._settings.sealer.start)
        return done

    async def _get_seed(self, _: Asked) -> dict[str, Any]:
        return {"seed": self._settings.sealer.start}

    async def _put_seed(self, asked: Asked) -> dict[str, Any]:
        if self._mock.state.shared:
            why = "Other mocks may share the store, and would go on with the ids they have"
            raise RefusedError(SEVERAL_PROCESSES, f"{why}. Start each with --seed, or one without --store.")
        self._settings.sealer.restart(asked.checked.body["seed"])
        return await self._get_seed(asked)

    async def _get_clock(self, _: Asked) -> dict[str, Any]:
        return self._clock()

    async def _set_clock(self, asked: Asked) -> dict[str, Any]:
        self._manual_clock().set(asked.checked.body["now"])
        return self._clock()

    async def _advance_clock(self, asked: Asked) -> dict[str, Any]:
        self._manual_clock().advance(asked.checked.body["advance"])
        return self._clock()

    def _manual_clock(self) -> ManualClock:
        clock = self._settings.clock
        if isinstance(clock, ManualClock):
            return clock
        raise RefusedError(CLOCK_RUNS, "The clock of this mock is the machine's.")

    def _check_rules(self, rules: Sequence[Any], others: Sequence[Any] = ()) -> None:
        try:
            RuleSet.from_json(rules).check_operations(self._operation_ids)
            RuleSet.from_json([*others, *rules])  # Those before them may have been set for another contract.
        except ValueError as error:
            raise RefusedError(INVALID_REQUEST, str(error)) from error
