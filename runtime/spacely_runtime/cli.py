"""The frame of the command line: one command for each operation of a client, made from its methods.

Exit status: 0 done, 1 it failed, 2 the call itself is wrong (usage, no key, arguments that break the contract),
3 the job had not ended in time and goes on, 130 interrupted.
"""

from __future__ import annotations

import inspect
import json
import sys
import types
from collections.abc import Callable, Collection, Mapping, Sequence
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, Literal, NoReturn, Union, cast, get_args, get_origin, get_type_hints

from . import errors
from ._client import SyncClient
from ._jobs import Job, JobUpdate
from ._operation import Operation
from ._wire import to_json
from .types import Unset

try:
    import cyclopts
    from cyclopts import Parameter
except ModuleNotFoundError as error:  # The client alone does without it.
    raise SystemExit(f"The command line needs {error.name}; install the extra `cli` of this package") from error

from ._batch_cli import batch_command

__all__ = ["run"]

_FAILED = 1
_WRONG_CALL = 2
_STILL_RUNNING = 3
_INTERRUPTED = 130

# The frame's own options: type, default, help. Those that follow a job are for operations that start one.
_FRAME: Mapping[str, tuple[Any, Any, str]] = {
    "json": (bool, False, "Print the outcome as JSON on standard output."),
    "base-url": (str | None, None, "Where the calls go."),
}
_JOB_FRAME: Mapping[str, tuple[Any, Any, str]] = {
    "download": (Path | None, None, "Wait, then fetch the files of the result into this folder."),
    "timeout": (float | None, None, "Seconds to wait for the job (default: the contract's)."),
}
_WAIT: Mapping[str, tuple[Any, Any, str]] = {"wait": (bool, False, "Wait until the job has ended.")}


def run(client_type: type[SyncClient], *, name: str, description: str, arguments: Sequence[str] | None = None) -> None:
    """Run the command line of a client; ends the process by SystemExit where it does not end well.

    Args:
        client_type: The generated client.
        name: The command's name.
        description: What it talks to, for the help.
        arguments: The words after the command; None takes those of the process.
    """
    prefix = client_type._environment_prefix  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]  # one package, two modules
    app = cyclopts.App(
        name=name,
        help=f"{description}, from the command line.\n\nThe API key is taken from {prefix}_API_KEY, the base URL from "
        f"{prefix}_BASE_URL.",
        help_format="plaintext",
        version_flags=[],
        result_action="return_value",
    )
    for method_name, operation in client_type.operations.items():
        app.command(_command(client_type, method_name, operation), name=method_name.replace("_", "-"))
    if any(operation.polling for operation in client_type.operations.values()):
        app.command(_wait_command(client_type), name="wait-for-job" if "wait" in client_type.operations else "wait")
        app.command(batch_command(client_type, name), name="batch")
    try:
        app(arguments, exit_on_error=True)
    except errors.JobTimeout as error:
        _fail(name, f"{error}\nTake it up again: {name} wait {error.job_id}", _STILL_RUNNING)
    except (errors.ConfigurationError, errors.InvalidRequest, errors.InvalidRows) as error:
        _fail(name, str(error), _WRONG_CALL)
    except errors.ClientError as error:
        _fail(name, str(error), _FAILED)
    except KeyboardInterrupt:
        _fail(name, "interrupted", _INTERRUPTED)


def _fail(name: str, message: str, status: int) -> NoReturn:
    print(f"{name}: {message}", file=sys.stderr)
    raise SystemExit(status)


def _command(client_type: type[SyncClient], name: str, operation: Operation) -> Callable[..., None]:
    """The command of one operation: its method's arguments as options, and those of the frame."""
    method = getattr(client_type, name)
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
    frame = _frame(_FRAME if operation.polling is None else {**_WAIT, **_JOB_FRAME, **_FRAME}, taken=options.keys())

    def command(**given: Any) -> None:
        settings = {key: given.pop(key, default) for key, (_, default) in frame.items()}
        arguments = {key: converters[key](value) for key, value in given.items() if value is not None}
        with client_type(base_url=settings["frame_base_url"]) as client:
            outcome = getattr(client, name)(**arguments)
            if isinstance(outcome, Job):
                _follow(cast("Job[Any]", outcome), settings)
            else:
                _show(to_json(outcome))

    _give_signature(command, {**options, **frame})
    command.__doc__ = operation.summary or f"{operation.method} {operation.path}"
    return command


def _wait_command(client_type: type[SyncClient]) -> Callable[..., None]:
    """The command that takes a job up again."""
    submits = [name for name, operation in client_type.operations.items() if operation.polling]
    only = submits[0].replace("_", "-") if len(submits) == 1 else None
    literal = Literal[tuple(each.replace("_", "-") for each in submits)]  # type: ignore[valid-type]  # ty: ignore[invalid-type-form]  # made at run time

    frame = _frame({**_JOB_FRAME, **_FRAME}, taken=())

    def command(job_id: str, **given: Any) -> None:
        settings = {key: given.pop(key, default) for key, (_, default) in frame.items()}
        with client_type(base_url=settings["frame_base_url"]) as client:
            take_up = getattr(client, "job")  # noqa: B009  # the generated class has it, its base has not
            operation = (given.get("operation") or only or "").replace("-", "_")
            _follow(take_up(operation, job_id), {"frame_wait": True, **settings})

    operation = (
        Annotated[literal, Parameter(help="The operation that submitted the job.")],
        inspect.Parameter.empty if only is None else only,
    )
    _give_signature(
        command,
        {"operation": operation, **frame},
        {"job_id": Annotated[str, Parameter(help="The job's id, as the submit printed it.")]},
    )
    command.__doc__ = "Wait for a job that was submitted before, in this process or another."
    return command


def _frame(options: Mapping[str, tuple[Any, Any, str]], taken: Collection[str]) -> dict[str, tuple[Any, Any]]:
    """The frame's options as parameters; one whose name an argument of the operation has goes by --cli-NAME."""
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


def _give_signature(
    command: Callable[..., None], options: Mapping[str, tuple[Any, Any]], positional: Mapping[str, Any] | None = None
) -> None:
    parameters = [
        inspect.Parameter(name, inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=hint)
        for name, hint in (positional or {}).items()
    ] + [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=hint, default=default)
        for name, (hint, default) in options.items()
    ]
    command.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # ty: ignore[missing-attribute]  # inspect reads it


def _follow(job: Job[Any], settings: Mapping[str, Any]) -> None:
    """Say what a job is, wait for it and fetch its files, as far as it was asked for."""
    # Said before anything else can go wrong: with the id, the job can be taken up again.
    print(f"job {job.id}", file=sys.stderr, flush=True)
    outcome: dict[str, Any] = {"job_id": job.id}
    states: list[JobUpdate[Any]] = []

    def note(update: JobUpdate[Any]) -> None:
        states.append(update)
        print(f"{update.elapsed:6.1f} s  {update.state}", file=sys.stderr, flush=True)

    folder = settings["frame_download"]
    if folder is not None:
        outcome["files"] = [str(path) for path in job.download(folder, settings["frame_timeout"], note)]
    elif settings["frame_wait"]:
        job.wait(settings["frame_timeout"], note)
    if states:
        outcome |= {"state": states[-1].state, "response": to_json(states[-1].response)}
    if settings["frame_json"]:
        _show(outcome)
    elif folder is not None:
        print("\n".join(outcome["files"]))
    elif states:
        result: Any = states[-1].result
        _show_result(to_json(states[-1].response) if result is None else result)
    else:
        print(job.id)


def _show(value: Any) -> None:
    print(json.dumps(value, indent=2, ensure_ascii=False))


def _show_result(value: Any) -> None:
    if isinstance(value, list) and all(isinstance(item, str) for item in cast("list[Any]", value)):
        print("\n".join(cast("list[str]", value)))
    else:
        _show(value)


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
