"""What a JSON Schema validator found, said so that a person can mend it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple, TypeAlias

from jsonschema_rs import ValidationError, ValidationErrorKind

from ._expressions import join_pointer

_MESSAGE_LENGTH = 240
_OPTIONS = 12

Path: TypeAlias = tuple[str | int, ...]


class Fault(NamedTuple):
    """One thing wrong with a value: where (a JSON pointer from the value), what, and what to do."""

    pointer: str
    message: str
    remedy: str


def faults(errors: Iterable[ValidationError], remedy: str) -> Iterator[Fault]:
    """What is wrong, once each; of alternatives that all fail, the one that was most likely meant.

    Args:
        errors: What a validator found.
        remedy: What to do where the error itself does not say it.

    Returns:
        The faults, in the validator's order.
    """
    seen: set[Fault] = set()
    for error in errors:
        for fault in _causes(error, remedy):
            if fault not in seen:
                seen.add(fault)
                yield fault


def _causes(error: ValidationError, remedy: str) -> Iterator[Fault]:
    kind = error.kind
    path = tuple(error.instance_path)
    match kind:
        case ValidationErrorKind.OneOfNotValid(context) | ValidationErrorKind.AnyOf(context) if any(context):
            # No reference was written, so none was meant.
            branches = [branch for branch in context if not _wants_reference(branch)] or context
            options = _common_options(branches)
            if options is not None:
                yield _none_of(*options)
                return
            for cause in min(branches, key=_distance):
                yield from _causes(cause, remedy)
        case ValidationErrorKind.AdditionalProperties(unexpected):
            for name in unexpected:
                place = join_pointer(*path, name)
                yield Fault(place, f"{name!r} is not known here", "correct its spelling, or remove it")
        case ValidationErrorKind.Required(name):
            yield Fault(join_pointer(*path), f"{name!r} is missing", f"add {name!r}")
        case ValidationErrorKind.Enum(options):
            yield _none_of(path, error.instance, options)
        case _:
            message = error.message
            if len(message) > _MESSAGE_LENGTH:
                message = message[:_MESSAGE_LENGTH] + " …"
            yield Fault(join_pointer(*path), message, remedy)


def _none_of(path: Path, value: Any, options: list[Any]) -> Fault:
    listed = ", ".join(map(str, options[:_OPTIONS])) + (", …" if len(options) > _OPTIONS else "")
    return Fault(join_pointer(*path), f"{value!r} is none of the values allowed here", f"write one of: {listed}")


def _wants_reference(branch: list[ValidationError]) -> bool:
    return any(isinstance(e.kind, ValidationErrorKind.Required) and e.kind.property == "$ref" for e in branch)


def _common_options(branches: list[list[ValidationError]]) -> tuple[Path, Any, list[Any]] | None:
    """What tells the branches apart, where the value is none of what it is in any of them."""
    found: list[tuple[Path, Any, list[Any]]] = []
    for branch in branches:
        for error in branch:
            if isinstance(error.kind, ValidationErrorKind.Enum):
                found.append((tuple(error.instance_path), error.instance, error.kind.options))
                break
    if len(found) < 2 or len(found) < len(branches) or len({path for path, _, _ in found}) > 1:
        return None
    path, value, _ = found[0]
    return path, value, [option for _, _, options in found for option in options]


def _distance(branch: list[ValidationError]) -> tuple[bool, int, int]:
    kinds = [error.kind for error in branch]
    return (
        # Where a reference was written, one was meant.
        not any(error.instance_path[-1:] == ["$ref"] for error in branch),
        # A word or type that is none of the branch's own says that another kind of object was meant.
        sum(isinstance(kind, ValidationErrorKind.Enum | ValidationErrorKind.Type) for kind in kinds),
        len(kinds),
    )
