"""The drift benchmark: seeded faults of mock, client and contract, each of which the suite must tell.

``python -m tests.contract.mutants`` runs the whole of it; ``docs/drift.md`` says how to read it and how to add a fault.
"""
