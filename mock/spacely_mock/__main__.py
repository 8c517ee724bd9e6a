"""Entry point of ``spacely-mock`` and of ``python -m spacely_mock``."""

from __future__ import annotations

import sys

try:
    from ._cli import main
except ModuleNotFoundError as error:  # The client alone does without what the mock needs.
    raise SystemExit(f"The mock needs {error.name}; install the extra `mock` of this package") from error

__all__ = ["main"]

if __name__ == "__main__":
    sys.exit(main())
