"""Every mutant there is."""

from __future__ import annotations

from tests.contract.mutants import (  # noqa: F401 - they register what they hold
    client_calls,
    client_flow,
    mock_answers,
    mock_jobs,
    mock_keys,
    mock_requests,
    mock_services,
)
from tests.contract.mutants.client_seams import client
from tests.contract.mutants.mock_seams import mock
from tests.contract.mutants.model import Mutant
from tests.contract.mutants.spec_edits import spec

CATALOGUE: tuple[Mutant, ...] = (*mock.mutants, *client.mutants, *spec.mutants)
