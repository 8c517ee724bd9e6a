"""A run as newline-delimited JSON: what was sent, each check and each violation, one line for each, in their order."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from .outcome import Outcome, Result
from .recording import Headers, Record
from .redaction import redact, shown
from .report import Check, Violation

_LONGEST = 4096


def as_lines(outcome: Outcome) -> Iterator[str]:
    """The lines of a run. For the same seed they are the same, but for ``time``, ``seconds`` and free ports."""
    for result in outcome.results:
        for event in _events(outcome, result):
            yield redact(json.dumps(event, ensure_ascii=False), result.report.secrets) + "\n"


def _events(outcome: Outcome, result: Result) -> Iterator[dict[str, Any]]:
    report = result.report
    yield {"event": "run", "target": report.target, "contract": report.contract, "seed": report.seed}
    for event in report.log:
        match event:
            case Record():
                yield _exchange(event, report.secrets)
            case Check():
                yield {
                    "event": "check",
                    "phase": event.phase,
                    "operation": event.operation,
                    "check": event.check,
                    "held": event.held,
                    "exchange": event.exchange,
                }
            case Violation():
                yield _violation(outcome, result, event)
    yield {
        "event": "end",
        "verdict": result.verdict,
        "requests": sum(report.requests.values()),
        "checks": report.checks,
        "unfinished": report.unfinished,
        "cells": {"filled": len(result.coverage.filled), "empty": [str(cell) for cell in result.empty]},
        "seconds": round(report.seconds, 3),
    }


def _exchange(record: Record, secrets: tuple[str, ...]) -> dict[str, Any]:
    message, answer = record.message, record.message.answer
    parts = urlsplit(message.url)
    return {
        "event": "exchange",
        "exchange": record.number,
        "phase": record.phase,
        "operation": record.operation,
        "method": message.method,
        "path": parts.path + ("?" + parts.query if parts.query else ""),
        "headers": _headers(message.headers, secrets),
        "body": _body(message.body, secrets),
        "status": None if answer is None else answer.status,
        "answer": None if answer is None else _body(answer.body, secrets),
        "time": message.started,
        "seconds": round(message.seconds, 6),
    }


def _violation(outcome: Outcome, result: Result, violation: Violation) -> dict[str, Any]:
    return {
        "event": "violation",
        "id": violation.id,
        "phase": violation.phase,
        "operation": violation.operation,
        "check": violation.check,
        "rule": violation.rule,
        "exchange": violation.exchange,
        "known": result.report.known.get(violation),
        "replay": outcome.replay(violation),
    }


def _headers(headers: Headers, secrets: tuple[str, ...]) -> dict[str, str]:
    # Of the rest, the address of a mock on a free port differs from run to run.
    return {name: shown(name, value, secrets) for name, value in headers if name.lower() != "host"}


def _body(body: bytes, secrets: tuple[str, ...]) -> str:
    text = redact(body.decode("utf-8", "replace"), secrets)
    if len(text) <= _LONGEST:
        return text
    digest = hashlib.sha256(text.encode()).hexdigest()
    return f"{text[:_LONGEST]} … ({len(body)} bytes, SHA-256 {digest})"
