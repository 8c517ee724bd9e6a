"""Every mutant there is."""

from __future__ import annotations

from tests.contract.mutants import (  # noqa: F401 - they register what they hold
    client_decoding,
    client_encoding,
    client_flow,
    client_keys,
    client_stale,
    mock_answers,
    mock_jobs,
    mock_keys,
    mock_requests,
    mock_routing,
    mock_services,
    spec_answers,
    spec_no_drift,
    spec_operations,
    spec_requests,
)
from tests.contract.mutants.client_seams import client
from tests.contract.mutants.mock_seams import mock
from tests.contract.mutants.model import Mutant
from tests.contract.mutants.spec_places import spec

CATALOGUE: tuple[Mutant, ...] = (*mock.mutants, *client.mutants, *spec.mutants)
