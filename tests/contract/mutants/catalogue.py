"""Every mutant there is."""

from __future__ import annotations

from . import (  # noqa: F401 - they register what they hold
    client_calls,
    client_flow,
    mock_answers,
    mock_jobs,
    mock_keys,
    mock_requests,
    mock_services,
)
from .client_seams import client
from .mock_seams import mock
from .model import Mutant
from .spec_edits import spec

CATALOGUE: tuple[Mutant, ...] = (*mock.mutants, *client.mutants, *spec.mutants)
