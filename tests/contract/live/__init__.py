"""The contract held to an API that charges for what it does: a ladder of checks, the cheapest first, within limits."""
