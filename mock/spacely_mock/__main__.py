"""Entry point of ``spacely-mock`` and of ``python -m spacely_mock``."""

from __future__ import annotations

import sys

from ._cli import main

if __name__ == "__main__":
    sys.exit(main())
