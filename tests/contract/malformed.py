"""Bodies that no schema makes, cut off, not UTF-8, too deep, too long: refused, and never a server error."""

from __future__ import annotations

from spacely_spec import Operation, compile_schema, json_schema

from . import credentials, expectations
from .answers import decode, hostile
from .generation import AnyCase
from .server import Server, copied

PHASE = "malformed bodies"


def check_malformed(server: Server) -> None:
    """Send every operation that takes a JSON body what a broken or a hostile client would."""
    for operation in server.spec.operations:
        (case,) = server.valid_cases(operation, 1)
        if operation.body is not None and case.media_type is not None and "json" in case.media_type:
            _check(server, operation, case)


def _check(server: Server, operation: Operation, case: AnyCase) -> None:
    label = expectations.label(operation)
    body = operation.body
    schema = body.content[str(case.media_type)].schema if body is not None else None
    fits = compile_schema(json_schema(schema or {}, server.spec.components, direction="request"))
    right = credentials.right(operation, server.key)
    for name, content in hostile(case.body):
        if not content and body is not None and not body.required:
            continue
        broken = copied(case)
        broken.body = content
        response, exchange = server.send(PHASE, broken, right)
        allowed = expectations.rejections(operation)
        try:
            valid = fits.is_valid(decode(content))
        except ValueError:
            valid = False
        if valid:  # A limit of the server may refuse it, or not.
            allowed = (*allowed, *expectations.successes(operation))
        rule = f"{name}: the answer is {' or '.join(allowed)}."
        holds = expectations.allows(allowed, response.status_code)
        server.report.check(PHASE, label, "malformed_body_refused", holds, rule, exchange)
