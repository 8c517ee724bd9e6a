"""``python -m tests.contract.live``: see the module cli."""

import sys

from .cli import main

if __name__ == "__main__":
    sys.exit(main())
