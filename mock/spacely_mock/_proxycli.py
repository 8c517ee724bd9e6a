"""The command ``spacely-mock proxy``."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

from spacely_spec import Spec, SpecError, load

from ._app import default_spec
from ._options import common, complain, duration, exposure, say, stopped_by_signals
from ._proxy import TIMEOUT, Proxy, create_proxy
from ._server import PortError, listen, make_server, origin
from ._upstream import UpstreamURLError

_DESCRIPTION = """\
Stands in front of a server of the API that an OpenAPI 3.0 file describes. Requests and answers pass unchanged,
and both are held to the file. What breaks it is told in a header of the answer (X-Mock-Violations: request=1,
answer=0), in a line on standard output for each violation, in the journal and in the metrics.

A request is sent on once and never again, whatever becomes of it.
"""

_EPILOG = """\
what is sent on, and what is not:
  headers that concern one connection (Connection, Transfer-Encoding, ...) and Host are the proxy's own
  of Accept-Encoding, gzip and deflate are left: other codings could not be undone to check the answer
  keys are sent on, and appear in no log, journal, metric or recording

what the proxy answers itself:
  /healthz                  {"status": "ok", ...} once the proxy answers
  /__mock__/                what it has seen: the journal, its filters, reset; /__mock__/ lists it
  /metrics                  what it has counted, for Prometheus
  502, 504                  the upstream gave no answer, or not in time; the problem says whether the request may
                            have arrived
  413                       a body of more than 10 MiB, which is not sent on

exit codes:
  0  stopped by SIGTERM or Ctrl-C
  1  cannot listen on the address
  2  the file, the upstream or an option cannot be used
"""


class _OptionError(Exception):
    """An option cannot be used; the message says why."""


def main(arguments: Sequence[str]) -> int:
    """Run the command.

    Args:
        arguments: The command line behind ``spacely-mock proxy``.

    Returns:
        The exit code.
    """
    options = _parser().parse_args(arguments)
    # Standard error is for what the proxy itself cannot do.
    logging.basicConfig(format="spacely-mock: %(message)s", level=logging.ERROR)
    with stopped_by_signals():
        return _serve(options)


def _serve(options: argparse.Namespace) -> int:
    try:
        spec = load(options.spec or default_spec())
        listener = listen(options.host, options.port)
        where = origin(listener)
        proxy = _proxy(options, spec, where)
    except SpecError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    except PortError as error:
        complain(f"{error}; choose another port with --port (0 picks a free one)")
        return 1
    except _OptionError as error:
        complain(error)
        return 2
    for notice in exposure(options, listener):
        complain(notice)
    banner = f"{spec.title} {spec.version} at {where}{quote(spec.base_path)} - sent on to {proxy.upstream}"
    server = make_server(proxy, lambda: say(banner), request_timeout=options.request_timeout, dated=False)
    server.run([listener])
    return 0


def _proxy(options: argparse.Namespace, spec: Spec, where: str) -> Proxy:
    if options.upstream.rstrip("/").startswith(where):
        raise _OptionError(f"--upstream: {options.upstream} is the proxy itself; choose another --port")
    try:
        return create_proxy(
            spec,
            upstream=options.upstream,
            errors=options.errors,
            record=options.record,
            timeout=options.timeout,
            journal=options.journal,
            admin=options.admin,
            admin_token=options.admin_token,
            say=say,
            verbose=options.verbose,
        )
    except UpstreamURLError as error:
        raise _OptionError(f"--upstream: {error}") from error
    except FileExistsError as error:
        reason = f"{options.record} is there already; name another file, so that no recording is lost"
        raise _OptionError(f"--record: {reason}") from error
    except OSError as error:
        raise _OptionError(f"--record: cannot write {options.record}: {error.strerror}") from error


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="spacely-mock proxy",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        parents=[common()],
    )
    parser.add_argument(
        "--upstream",
        required=True,
        metavar="URL",
        help="the base URL of the server, as a client would be given it; without a path it has the file's",
    )
    parser.add_argument(
        "--errors",
        action="store_true",
        help="refuse a request that breaks the file (it is not sent on), and answer 502 in place of an answer that "
        "breaks it (the problem holds that answer)",
    )
    parser.add_argument(
        "--record",
        type=Path,
        metavar="FILE",
        help="write what passes to a new file, as an HTTP Archive (HAR) without keys; it can be read at any moment",
    )
    parser.add_argument(
        "--timeout",
        type=duration,
        default=TIMEOUT,
        metavar="TIME",
        help="how long the server may take to answer (default: 60s)",
    )
    return parser
