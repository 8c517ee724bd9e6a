"""Paths that are almost those of the contract: none of them is served."""

from __future__ import annotations

import re
from collections.abc import Iterator

from spacely_spec import Operation, Spec

from . import expectations
from .direct import evidence, fetch
from .server import Server

PHASE = "routing"
_NOT_THERE = 404


def check_routing(server: Server) -> None:
    """Send each operation's method to paths in another case, with something behind them, without their base path."""
    for operation in server.spec.operations:
        label = expectations.label(operation)
        for path in _almost(server.spec, operation):
            response = fetch(server, PHASE, label, path, operation.method)
            holds = response.status_code == _NOT_THERE
            rule = f"The contract has no path {path}: it is answered {_NOT_THERE}."
            server.report.check(PHASE, label, "unknown_path_refused", holds, rule, evidence(response))


def _almost(spec: Spec, operation: Operation) -> Iterator[str]:
    path = re.sub(r"\{[^}]*\}", "1", operation.path)
    candidates = [
        spec.base_path + path.swapcase(),
        spec.base_path + path + "/beyond",
        spec.base_path + path + ".json",
        spec.base_path + "/beyond" + path,
    ]
    if spec.base_path:
        candidates.append(path)
    known = [
        re.compile(re.sub(r"\\\{[^}]*\\\}", "[^/]+", re.escape(spec.base_path + each.path))) for each in spec.operations
    ]
    for candidate in dict.fromkeys(candidates):
        if not any(pattern.fullmatch(candidate) for pattern in known):
            yield candidate
