"""scripts/spec-diff: what a change of the contract does to those who depend on it."""
