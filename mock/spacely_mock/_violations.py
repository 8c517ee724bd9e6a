"""What a validator objects to, one entry for each place and rule."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

import jsonschema_rs

from spacely_spec import join_pointer

_LONGEST_DETAIL = 300
_MOST = 100


def broken_rules(validator: jsonschema_rs.Draft4Validator, value: Any) -> Iterator[tuple[str, str, str]]:
    """Each rule that a value breaks, up to a hundred: the pointer of the place, the rule, and how it is broken."""
    for error in islice(validator.iter_errors(value), _MOST):
        rule = str(error.schema_path[-1])
        place = list(error.instance_path)
        facts = error.kind.as_dict()
        if rule == "required":
            # The place is that of the missing property, which is what one looks for in a form.
            yield join_pointer(*place, facts["property"]), rule, "The property is required and missing."
        elif rule == "additionalProperties" and "unexpected" in facts:
            for name in facts["unexpected"]:
                yield join_pointer(*place, name), rule, "The contract does not allow this property."
        else:
            yield join_pointer(*place), rule, _shorten(error.message)


def _shorten(message: str) -> str:
    return message if len(message) <= _LONGEST_DETAIL else message[: _LONGEST_DETAIL - 1] + "…"
