"""What changed on the wire: Redocly's diff, and what it does not see."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, Literal

from spacely_spec import Operation, Polling, RateLimit, Spec

from ._change import Bump, Change
from ._sides import CannotCompare

# Its diff is experimental, so its version is pinned and its JSON read here and nowhere else.
REDOCLY = "@redocly/cli@2.77.0"
_BUMPS = {"major": Bump.MAJOR, "minor": Bump.MINOR, "patch": Bump.PATCH}
_PACE = {"delay_seconds", "interval_seconds", "timeout_seconds"}
_UNSAID = {"link", "pointer"}  # A Link's own name is seen by nobody on the wire.


def has_redocly() -> bool:
    """Whether Redocly can be run here: it comes through npx, which comes with Node."""
    return shutil.which("npx") is not None


def redocly_changes(base: Path, revision: Path) -> list[Change]:
    """What Redocly's diff sees.

    Raises:
        CannotCompare: It failed.
    """
    command = ["npx", "--yes", REDOCLY, "diff", str(base), str(revision), "--format=json", "--fail-on=none"]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, env={**os.environ, "REDOCLY_TELEMETRY": "off"}
    )
    try:
        found: list[Mapping[str, Any]] = json.loads(done.stdout)["changes"]
    except (ValueError, KeyError) as error:
        raise CannotCompare(f"{' '.join(command[:4])} gave no report:\n{done.stderr.strip()[-2000:]}") from error
    return [change for entry in found for change in _read(entry, revision)]


def _read(entry: Mapping[str, Any], revision: Path) -> list[Change]:
    kinds: dict[str, Literal["Added", "Changed", "Removed"]] = {"added": "Added", "removed": "Removed"}
    kind = kinds.get(entry["kind"], "Changed")
    where = entry.get("revision")
    what = f"{entry['path']}/{entry['property']}" if entry.get("property") else str(entry["path"])
    place = f"{revision.name}:{where['line']}" if where else what
    if entry["verdicts"]:
        return [Change(_BUMPS[verdict["impact"]], kind, verdict["message"], place) for verdict in entry["verdicts"]]
    words = {"Added": "is new", "Removed": "is gone", "Changed": "changed"}[kind]
    return [Change(_BUMPS[entry["impact"]], kind, f"`{what}` {words}.", place)]


def flow_changes(base: Spec, revision: Spec) -> list[Change]:
    """What changed in how jobs are followed, how often one may call and which keys there are: extensions to OpenAPI."""
    changes = _limit_changes(base.rate_limit, revision.rate_limit, revision) + _key_changes(base, revision)
    before = {(operation.method, operation.path): operation for operation in base.operations}
    for operation in revision.operations:
        old = before.get((operation.method, operation.path))
        if old is not None:
            changes += _polling_changes(old, operation, revision)
    return changes


def _polling_changes(old: Operation, new: Operation, revision: Spec) -> list[Change]:
    where = f"{revision.path.name}:{revision.line((new.polling or new).pointer)}"
    if old.polling is None or new.polling is None:
        if old.polling is new.polling:
            return []
        kind: Literal["Added", "Removed"] = "Added" if old.polling is None else "Removed"
        return [Change(Bump.MAJOR, kind, f"`{new.id}` {'starts' if new.polling else 'no longer starts'} a job.", where)]
    changes: list[Change] = []
    for field in fields(Polling):
        was, now = _text(getattr(old.polling, field.name)), _text(getattr(new.polling, field.name))
        if was != now and field.name not in _UNSAID:
            text = f"Jobs of `{new.id}`: {field.name.replace('_', ' ')} was `{was}` and is `{now}`."
            changes.append(Change(Bump.PATCH if field.name in _PACE else Bump.MAJOR, "Changed", text, where))
    return changes


def _key_changes(base: Spec, revision: Spec) -> list[Change]:
    """Keys that match another pattern: whoever has one of the old kind may be refused, and is by the mock."""
    before, changes = _key_patterns(base), list[Change]()
    for place, now in _key_patterns(revision).items():
        was = before.get(place, now)
        if was != now:
            text = f"The keys in {place[0]} `{place[1]}` match `{_text(now)}`, and matched `{_text(was)}`."
            bump = Bump.MINOR if now is None else Bump.MAJOR
            changes.append(Change(bump, "Changed", text, revision.path.name))
    return changes


def _key_patterns(spec: Spec) -> dict[tuple[str, str, str], str | None]:
    """The pattern of the keys by where they are sent: the name of a scheme is seen by nobody on the wire."""
    schemes = (scheme for each in spec.operations for alternative in each.security for scheme in alternative)
    return {(scheme.location, scheme.name, scheme.prefix): scheme.key_pattern for scheme in schemes}


def _text(value: Any) -> str:
    if isinstance(value, tuple):
        return " and ".join(map(_text, value)) or "nothing"
    return "nothing" if value is None else str(getattr(value, "text", value))


def _limit_changes(old: RateLimit | None, new: RateLimit | None, revision: Spec) -> list[Change]:
    if old == new:
        return []
    was, now = (float("inf") if limit is None else limit.requests / limit.seconds for limit in (old, new))
    text = f"The rate limit was {_limit(old)} and is {_limit(new)}."
    return [Change(Bump.MAJOR if now < was else Bump.MINOR, "Changed", text, revision.path.name)]


def _limit(limit: RateLimit | None) -> str:
    return "none" if limit is None else f"{limit.requests} calls in {limit.seconds:g} s"
