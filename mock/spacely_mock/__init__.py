"""A mock server derived from an OpenAPI contract: jobs, validation, images, problems, documentation."""

from ._app import create_app
from ._clock import Clock, ManualClock, SystemClock
from ._server import MockServer, PortError

__all__ = ["Clock", "ManualClock", "MockServer", "PortError", "SystemClock", "create_app"]
