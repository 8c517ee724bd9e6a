"""``python -m tests.contract.mutants``: see the module cli."""

import sys

from tests.contract.mutants.cli import main

if __name__ == "__main__":
    sys.exit(main())
