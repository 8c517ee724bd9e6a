"""The frame of the command line: one command for each operation of a client, made from its methods."""

from __future__ import annotations

import inspect
import os
import shlex
import signal
import threading
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Annotated, Any, Final, Literal, NoReturn, cast

from . import errors
from ._client import SyncClient
from ._jobs import Job
from ._operation import Operation
from ._wire import to_json

try:
    import cyclopts
    from cyclopts import Parameter
except ModuleNotFoundError as error:  # The client alone does without it.
    raise SystemExit(f"The command line needs {error.name}; install the extra `cli` of this package") from error

from ._batch_cli import BATCH_EXIT_STATUS, batch_command
from ._cli_options import frame_options, give_signature, method_options
from ._terminal import JobDisplay, OutputError, ask_for_key, output_told, say, show, show_json, show_lines

__all__ = ["run"]

_FAILED: Final = 1
_WRONG_CALL: Final = 2
_STILL_RUNNING: Final = 3
_NOT_TOLD: Final = 4
_INTERRUPTED: Final = 130
_TERMINATED: Final = 143
_EXIT_STATUS: Final = (
    "Exit status: 0 done; 1 it failed; 2 the call itself is wrong (usage, no key, an argument that breaks the "
    "contract); 3 the job had not ended in time and goes on; 4 standard output could not be written, whatever came of "
    "the call; 130 interrupted; 143 terminated."
)

_IN_THE_AIR: Final = "It was being submitted and may have been accepted; look in the account before sending it again."

# The frame's own options: type, default, help. Those that follow a job are for operations that start one.
_FRAME: Final[Mapping[str, tuple[Any, Any, str]]] = {
    "json": (bool, False, "Print the outcome as JSON on standard output."),
    "base-url": (str | None, None, "Where the calls go."),
}
_JOB_FRAME: Final[Mapping[str, tuple[Any, Any, str]]] = {
    "download": (Path | None, None, "Wait, then fetch the files of the result into this folder."),
    "timeout": (float | None, None, "Seconds to wait for the job (default: the contract's)."),
}
_WAIT: Final[Mapping[str, tuple[Any, Any, str]]] = {"wait": (bool, False, "Wait until the job has ended.")}


def run(client_type: type[SyncClient], *, name: str, description: str, arguments: Sequence[str] | None = None) -> None:
    """Run the command line of a client; ends the process by SystemExit where it does not end well.

    Args:
        client_type: The generated client.
        name: The command's name.
        description: What it talks to, for the help.
        arguments: The words after the command; None takes those of the process.
    """
    program = _Program(client_type, name)
    try:
        with _sigterm_raised(), output_told():
            program.app(description)(arguments, exit_on_error=True)
    except OutputError as error:
        _fail(name, f"{error}\n{program.how_to_go_on}".rstrip(), _NOT_TOLD)
    except errors.JobTimeout as error:
        _fail(name, f"{error}\n{program.how_to_go_on}", _STILL_RUNNING)
    except (errors.ConfigurationError, errors.InvalidRequest, errors.InvalidRows) as error:
        _fail(name, str(error), _WRONG_CALL)
    except errors.JournalError as error:
        _fail(name, str(error), _STILL_RUNNING)
    except errors.JobFailed as error:
        _fail(name, str(error), _FAILED)
    except errors.ClientError as error:
        _fail(name, f"{error}\n{program.how_to_go_on}".rstrip(), _FAILED)
    except _Terminated:
        _fail(name, f"terminated\n{program.how_to_go_on}".rstrip(), _TERMINATED)
    except KeyboardInterrupt:
        _fail(name, f"interrupted\n{program.how_to_go_on}".rstrip(), _INTERRUPTED)


class _Terminated(KeyboardInterrupt):
    """SIGTERM came: whatever a Ctrl-C ends, and tidies up, it ends as well."""


@contextmanager
def _sigterm_raised() -> Generator[None]:
    """Raise SIGTERM as an exception, so that the cursor comes back and the job's id is told; a second one kills."""

    def stop(number: int, _frame: FrameType | None) -> None:
        signal.signal(number, signal.SIG_DFL)
        raise _Terminated

    if signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL or threading.current_thread() != threading.main_thread():
        yield  # Whoever ignores or handles it has a reason, and only the main thread may say so.
        return
    signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _fail(name: str, message: str, status: int) -> NoReturn:
    say(f"{name}: {message}")
    raise SystemExit(status)


class _Program:
    """The commands of one client.

    Attributes:
        how_to_go_on: What to do about the job that is under way; empty where there is none.
    """

    def __init__(self, client_type: type[SyncClient], name: str) -> None:
        self._client_type = client_type
        self._name = name
        self._submits = [name for name, operation in client_type.operations.items() if operation.polling]
        self._wait_name = "wait-for-job" if "wait" in client_type.operations else "wait"
        self.how_to_go_on = ""

    def app(self, description: str) -> cyclopts.App:
        """The commands, to be called with the words of the command line."""
        prefix = self._client_type._environment_prefix  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]  # one package, two modules
        app = cyclopts.App(
            name=self._name,
            help=f"{description}, from the command line.\n\nThe API key is taken from {prefix}_API_KEY, or asked for "
            f"at a terminal; the base URL from {prefix}_BASE_URL.",
            help_epilogue=_EXIT_STATUS,
            help_format="plaintext",
            version_flags=[],
            result_action="return_value",
            suppress_keyboard_interrupt=False,  # It ends here, with the words that take the job up again.
        )
        app.register_install_completion_command(  # pyright: ignore[reportUnknownMemberType]  # its kwargs have no type
            help="Install completion for the shell that this is called from."
        )
        for method_name, operation in self._client_type.operations.items():
            app.command(self._operation_command(method_name, operation), name=_dashed(method_name))
        if self._submits:
            app.command(self._wait_command(), name=self._wait_name)
            app.command(batch_command(self._client_type, self._name), name="batch", help_epilogue=BATCH_EXIT_STATUS)
        return app

    def _open(self, settings: Mapping[str, Any]) -> SyncClient:
        return self._client_type(api_key=ask_for_key(self._client_type), base_url=settings["frame_base_url"])

    def _operation_command(self, name: str, operation: Operation) -> Callable[..., None]:
        """The command of one operation: its method's arguments as options, and those of the frame."""
        options, converters = method_options(getattr(self._client_type, name))
        frame = frame_options(
            _FRAME if operation.polling is None else {**_WAIT, **_JOB_FRAME, **_FRAME}, taken=options.keys()
        )

        def command(**given: Any) -> None:
            settings = {key: given.pop(key, default) for key, (_, default) in frame.items()}
            arguments = {key: converters[key](value) for key, value in given.items() if value is not None}
            _check(settings)
            with self._open(settings) as client:
                if operation.polling is None:
                    (show_json if settings["frame_json"] else show)(to_json(getattr(client, name)(**arguments)))
                else:
                    self.how_to_go_on = _IN_THE_AIR
                    try:
                        job = getattr(client, name)(**arguments)
                    except errors.ClientError:
                        self.how_to_go_on = ""  # The error says whether it may have been accepted.
                        raise
                    self._follow(name, job, settings)

        give_signature(command, {**options, **frame})
        command.__doc__ = operation.summary or f"{operation.method} {operation.path}"
        return command

    def _wait_command(self) -> Callable[..., None]:
        """The command that takes a job up again."""
        only = _dashed(self._submits[0]) if len(self._submits) == 1 else None
        literal = Literal[tuple(map(_dashed, self._submits))]  # type: ignore[valid-type]  # ty: ignore[invalid-type-form]  # made at run time
        frame = frame_options({**_JOB_FRAME, **_FRAME}, taken=())

        def command(job_id: str, **given: Any) -> None:
            settings = {key: given.pop(key, default) for key, (_, default) in frame.items()}
            operation = (given.get("operation") or only or "").replace("-", "_")
            _check(settings)
            with self._open(settings) as client:
                take_up = getattr(client, "job")  # noqa: B009  # the generated class has it, its base has not
                self._follow(operation, take_up(operation, job_id), {"frame_wait": True, **settings})

        operation = (
            Annotated[literal, Parameter(help="The operation that submitted the job.")],
            inspect.Parameter.empty if only is None else only,
        )
        give_signature(
            command,
            {"operation": operation, **frame},
            {"job_id": Annotated[str, Parameter(help="The job's id, as the submit printed it.")]},
        )
        command.__doc__ = "Wait for a job that was submitted before, in this process or another."
        return command

    def _follow(self, operation: str, job: Job[Any], settings: Mapping[str, Any]) -> None:
        """Say what a job is, wait for it and fetch its files, as far as it was asked for."""
        self.how_to_go_on = f"Take it up again: {shlex.join(self._words(operation, job.id, settings))}"
        # Said before anything else can go wrong: with the id, the job can be taken up again.
        say(f"job {job.id}")
        job.kept = True
        folder: Path | None = settings["frame_download"]
        display, files = JobDisplay(moving=not settings["frame_json"]), list[str]()
        if folder is not None or settings["frame_wait"]:
            try:
                with display.moving():
                    if folder is None:
                        job.wait(settings["frame_timeout"], display.note)
                    else:
                        paths = job.download(folder, settings["frame_timeout"], display.note, display.note_file)
                        files = [str(path) for path in paths]
            except (errors.JobFailed, errors.JobTimeout):
                if settings["frame_json"]:  # That it failed, or goes on, is an outcome as well.
                    _show_job(job.id, display, [], as_json=True)
                raise
        if folder is not None and not files:
            say(f"{self._name}: the job has succeeded, and its result names no files")
        _show_job(job.id, display, files, as_json=settings["frame_json"])

    def _words(self, operation: str, job_id: str, settings: Mapping[str, Any]) -> list[str]:
        """The command that takes a job up again, with all that was given to this one."""
        words = [self._name, self._wait_name]
        if len(self._submits) > 1:
            words += ["--operation", _dashed(operation)]
        for option in (*_JOB_FRAME, *_FRAME):
            value = settings[f"frame_{option.replace('-', '_')}"]
            if value is not None and value is not False:
                words += [f"--{option}", *([] if value is True else [str(value)])]
        # An id is what the server says; one that begins with a dash would be taken for an option.
        return [*words, *(["--"] if job_id.startswith("-") else []), job_id]


def _check(settings: Mapping[str, Any]) -> None:
    """Refuse what could not be waited for, or kept, before anything is paid for."""
    timeout: float | None = settings.get("frame_timeout")
    if timeout is not None and not timeout >= 0:
        raise errors.ConfigurationError(f"--timeout {timeout}: give the seconds to wait, 0 or more")
    folder: Path | None = settings.get("frame_download")
    if folder is None:
        return
    there = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
        raise errors.ConfigurationError(
            f"--download {folder}: {there} is no folder that can be written to; give another"
        )


def _show_job(job_id: str, display: JobDisplay, files: Sequence[str], *, as_json: bool) -> None:
    outcome: dict[str, Any] = {"job_id": job_id}
    if files:
        outcome["files"] = files
    last = display.updates[-1] if display.updates else None
    if as_json:
        show_json(outcome if last is None else outcome | {"state": last.state, "response": to_json(last.response)})
    elif last is None:
        print(job_id)
    else:
        result = to_json(last.response) if last.result is None else last.result
        table = {"job": job_id, "state": last.state, **({"files": files} if files else {"result": result})}
        show_lines(table, files) if files else _show_result(table, result)


def _show_result(table: Mapping[str, Any], result: Any) -> None:
    if isinstance(result, list) and all(isinstance(item, str) for item in cast("list[Any]", result)):
        show_lines(table, cast("list[str]", result))
    else:
        show(result)


def _dashed(name: str) -> str:
    return name.replace("_", "-")
