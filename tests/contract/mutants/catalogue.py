"""Every mutant there is."""

from __future__ import annotations

from . import mock_answers, mock_jobs, mock_keys, mock_requests, mock_services  # noqa: F401 - they register themselves
from .mock_seams import mock
from .model import Mutant

CATALOGUE: tuple[Mutant, ...] = (*mock.mutants,)
