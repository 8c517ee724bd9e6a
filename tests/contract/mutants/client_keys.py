"""Faults of a client in whom it tells the key."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Callable
from typing import Any

import httpx
from tests.contract.clients import Prepare
from tests.contract.mutants.client_seams import (
    around_send,
    client,
    on_error,
    on_the_line,
    overriding,
    rebuilt,
    with_operations,
)
from tests.contract.mutants.site import Site

client.topic("key leaks")


@client.fault("key_nowhere_else", "query")
def the_key_is_in_the_url_too(site: Site) -> Prepare:
    """The key gets into the logs of every proxy on the way."""

    def outward(request: httpx.Request) -> httpx.Request:
        shown = request.headers.get(site.scheme.name, "").removeprefix(site.scheme.prefix)
        return rebuilt(request, url=request.url.copy_merge_params({"key": shown})) if shown else request

    return on_the_line(outward)


@client.fault("key_in_place", "key_nowhere_else")
def the_key_is_not_sent(_: Site) -> Prepare:
    """Every call is refused."""
    return with_operations(lambda operation: dataclasses.replace(operation, keys=()))


@client.fault("key_nowhere_else")
def the_key_is_in_the_user_agent_too(site: Site) -> Prepare:
    """The key gets into the logs of the server."""

    def outward(request: httpx.Request) -> httpx.Request:
        shown = request.headers.get(site.scheme.name, "")
        return rebuilt(request, headers={**request.headers, "user-agent": f"client/1 ({shown})"})

    return on_the_line(outward)


@client.fault("key_not_told")
def an_error_tells_the_key(_: Site) -> Prepare:
    """The key gets into every error report."""

    def instead(client: Any, error: Any) -> Any:
        error.body += f" (sent with {client._secret.reveal()})"
        return error

    return on_error("StatusError", instead)


@client.fault("key_not_told")
def the_cause_of_an_error_tells_the_key(_: Site) -> Prepare:
    """The key gets into every traceback."""

    def instead(client: Any, error: Any) -> Any:
        error.__cause__ = ValueError(f"while sending {client._secret.reveal()}")
        return error

    return on_error("ClientError", instead)


@client.fault("key_not_told")
def the_representation_of_a_client_tells_the_key(_: Site) -> Prepare:
    """The key gets into every log of a program's state."""
    return overriding(__repr__=lambda self, original: f"{original()} {self._secret.reveal()}")


@client.fault("key_not_told")
def a_call_is_logged_with_the_key(_: Site) -> Prepare:
    """The key gets into every log."""

    def handle(client: Any, call: Callable[[], Any]) -> Any:
        logging.getLogger("spacely_client").debug("calling with %s", client._secret.reveal())
        return call()

    return around_send(handle)
