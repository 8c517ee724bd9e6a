"""A mock server derived from an OpenAPI contract: jobs, validation, images, problems, documentation."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ._app import create_app
    from ._clock import Clock, ManualClock, ShiftedClock, SystemClock
    from ._server import MockServer, PortError
    from ._testing import Mock

__all__ = ["Clock", "ManualClock", "Mock", "MockServer", "PortError", "ShiftedClock", "SystemClock", "create_app"]

# Imported when they are first asked for: pytest imports this package wherever it is installed, for its plugin.
_HOMES = {
    "Clock": "._clock",
    "ManualClock": "._clock",
    "Mock": "._testing",
    "MockServer": "._server",
    "PortError": "._server",
    "ShiftedClock": "._clock",
    "SystemClock": "._clock",
    "create_app": "._app",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name], __name__), name)
