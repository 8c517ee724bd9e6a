"""Imported once, by the process from which those of the mutants are forked: all that each would else import late."""

from __future__ import annotations

import gc
import importlib
import pkgutil
from contextlib import suppress
from importlib.metadata import entry_points
from types import ModuleType

import PIL.PngImagePlugin  # noqa: F401 - imported late by the mock
import pyrate_limiter  # noqa: F401 - imported late by Schemathesis
import schemathesis
import uvicorn
from tests.contract.clients import PACKAGE
from tests.contract.mutants import catalogue, run  # noqa: F401

from spacely_mock import create_app
from spacely_spec import load


def _import_all(package: ModuleType) -> None:
    for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        with suppress(ImportError):  # An adapter to a library that is not installed.
            importlib.import_module(found.name)


for _package in (schemathesis, uvicorn):
    _import_all(_package)
for _plugin in entry_points(group="pytest11"):
    _plugin.load()
importlib.import_module(PACKAGE)
# What the mock imports when it is made.
create_app(load(run.CONTRACT), fast_lane=False, rate_limit=True)
gc.freeze()  # No collection of a forked process has to look at it all again.
