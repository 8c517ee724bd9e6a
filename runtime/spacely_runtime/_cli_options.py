"""Options of the command line, made from the arguments of a client's methods."""

from __future__ import annotations

import inspect
import json
import types
from collections.abc import Callable, Collection, Mapping, Sequence
from enum import Enum
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from cyclopts import Parameter

from .types import Unset

Options = Mapping[str, tuple[Any, Any]]
"""The type of each option and its default; ``inspect.Parameter.empty`` where it has to be given."""
Converters = Mapping[str, Callable[[Any], Any]]


def method_options(method: Callable[..., Any]) -> tuple[Options, Converters]:
    """An option for each argument of a client's method, and what turns its value into the argument.

    Args:
        method: The method, as the class has it: ``self`` comes first.

    Returns:
        The options, and for each what turns the value that was given into the one that the method takes.
    """
    hints = get_type_hints(method)
    help_texts = _argument_help(inspect.getdoc(method) or "")
    converters: dict[str, Callable[[Any], Any]] = {}
    options: dict[str, Any] = {}
    for parameter in list(inspect.signature(method).parameters.values())[1:]:
        option_type, converters[parameter.name] = _option(hints[parameter.name])
        required = parameter.default is inspect.Parameter.empty
        options[parameter.name] = (
            Annotated[
                option_type if required else option_type | None,  # ty: ignore[invalid-type-form]  # made at run time
                Parameter(help=help_texts.get(parameter.name, ""), negative=""),
            ],
            inspect.Parameter.empty if required else None,
        )
    return options, converters


def frame_options(options: Mapping[str, tuple[Any, Any, str]], taken: Collection[str]) -> Options:
    """The frame's own options, given as type, default and help.

    They are called ``frame_NAME`` as arguments and ``--NAME`` on the command line, or ``--cli-NAME`` where an argument
    of the operation has that name.
    """
    return {
        f"frame_{name.replace('-', '_')}": (
            Annotated[
                hint,
                Parameter(
                    name=f"--cli-{name}" if name.replace("-", "_") in taken else f"--{name}",
                    negative="",
                    help=help_text,
                    show_default=False,
                ),
            ],
            default,
        )
        for name, (hint, default, help_text) in options.items()
    }


def give_signature(command: Callable[..., None], options: Options, positional: Mapping[str, Any] | None = None) -> None:
    """Give a function that takes anything the signature that the command line reads."""
    parameters = [
        inspect.Parameter(name, inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=hint)
        for name, hint in (positional or {}).items()
    ] + [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=hint, default=default)
        for name, (hint, default) in options.items()
    ]
    command.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # ty: ignore[missing-attribute]  # inspect reads it


def _option(hint: Any) -> tuple[Any, Callable[[Any], Any]]:
    """The type of an option for an argument's type, and what turns its value into the argument."""
    branches = [branch for branch in _branches(hint) if branch is not Unset and branch is not type(None)]
    literals = [branch for branch in branches if get_origin(branch) is Literal]
    if literals:
        return literals[0], _same
    if len(branches) == 1:
        branch = branches[0]
        if branch in {str, int, float, bool}:
            return branch, _same
        if get_origin(branch) is Sequence or get_origin(branch) is list:
            item_type, convert = _option(get_args(branch)[0])
            return list[item_type], lambda values: [convert(value) for value in values]  # type: ignore[valid-type]  # ty: ignore[invalid-type-form]  # made at run time
    return Annotated[str, Parameter(show_default=False)], _from_text


def _branches(hint: Any) -> list[Any]:
    return list(get_args(hint)) if get_origin(hint) in {Union, types.UnionType} else [hint]


def _from_text(text: str) -> Any:
    """A value that no option of its own can hold: JSON where it is JSON, else the text as it is."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def _same(value: Any) -> Any:
    return value.value if isinstance(value, Enum) else value


def _argument_help(docstring: str) -> dict[str, str]:
    """The description of each argument, out of a docstring's Args section."""
    _, _, section = docstring.partition("\nArgs:\n")
    found: dict[str, str] = {}
    name = ""
    for line in section.splitlines():
        if not line.startswith("    "):
            break
        if not line.startswith("        "):
            name, _, text = line.strip().partition(": ")
            found[name] = text
        else:
            found[name] += " " + line.strip()
    return found
