"""Mutants that are none, to try the benchmark itself: in a module of their own, so that a process can find them."""

from __future__ import annotations

import os
import time

from tests.contract.mutants.mock_seams import nothing, on_submits
from tests.contract.mutants.site import Site
from tests.contract.seams import Fault


def no_fault(_: Site) -> Fault:
    """Nothing."""
    return nothing


def another_status(site: Site) -> Fault:
    """Every submit is answered 201."""
    return on_submits(site, lambda _, reply: reply.but(status=201))


def a_hang(_: Site) -> Fault:
    """Nothing is ever answered."""
    time.sleep(600)
    return nothing


def a_death(_: Site) -> Fault:
    """The process ends."""
    os._exit(3)


def broken(_: Site) -> Fault:
    """The fault itself has one."""
    raise RuntimeError("made up")
