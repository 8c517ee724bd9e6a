"""Traces and metrics of a client's calls for OpenTelemetry; needs the extra ``otel``.

Names are those of the semantic conventions for HTTP clients where they have one.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from . import errors
from .hooks import CallEvent, DownloadAttemptEvent, DownloadEvent, Hook, RequestEvent, ResponseEvent, WaitEvent

try:
    from opentelemetry import metrics, trace
    from opentelemetry.trace import SpanKind, Status, StatusCode
except ImportError as error:
    raise ImportError(f"OpenTelemetry is not installed ({error}); install the client with its extra otel") from error

if TYPE_CHECKING:
    from opentelemetry.metrics import MeterProvider
    from opentelemetry.trace import Span, TracerProvider

__all__ = ["OpenTelemetryHook"]

_SCOPE = "spacely_runtime"
# What the conventions advise for this histogram.
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0)


class OpenTelemetryHook(Hook):
    """A span for each call and download, with an event for each attempt, and for each wait; each attempt's duration.

    The span is the current one while the call is made, so what else is traced below it (httpx, say) becomes its child.

    Args:
        tracer_provider: Where spans go; the global one by default.
        meter_provider: Where the metric ``http.client.request.duration`` goes; the global one by default.
    """

    def __init__(
        self, tracer_provider: TracerProvider | None = None, meter_provider: MeterProvider | None = None
    ) -> None:
        self._tracer = trace.get_tracer(_SCOPE, tracer_provider=tracer_provider)
        self._durations = metrics.get_meter(_SCOPE, meter_provider=meter_provider).create_histogram(
            "http.client.request.duration",
            unit="s",
            description="Duration of HTTP client requests.",
            explicit_bucket_boundaries_advisory=_SECONDS,
        )

    def on_call(self, event: CallEvent, /) -> AbstractContextManager[object]:
        """Open the span of a call."""
        attributes: dict[str, str | int] = {
            "http.request.method": event.method,
            "url.full": event.url,
            "url.template": event.path,
            "client.operation": event.operation,
            **_server(event.url),
        }
        return self._span(f"{event.method} {event.path}", SpanKind.CLIENT, attributes, event.job_id)

    def on_wait(self, event: WaitEvent, /) -> AbstractContextManager[object]:
        """Open the span of a wait."""
        attributes: dict[str, str | int] = {"client.operation": event.operation}
        return self._span(f"wait {event.operation}", SpanKind.INTERNAL, attributes, event.job_id)

    def on_request(self, event: RequestEvent, /) -> None:
        """Note an attempt on the span of its call."""
        span = trace.get_current_span()
        span.add_event("request", {"http.request.resend_count": event.attempt - 1})
        if event.attempt > 1:
            span.set_attribute("http.request.resend_count", event.attempt - 1)

    def on_response(self, event: ResponseEvent, /) -> None:
        """Note what an attempt ended in."""
        attributes = _outcome(event.status_code, event.error)
        span = trace.get_current_span()
        span.set_attributes(_status(event.status_code))
        if event.job_id is not None:
            span.set_attribute("client.job_id", event.job_id)
        span.add_event("response", {**attributes, "elapsed": event.elapsed})
        self._durations.record(
            event.elapsed,
            {
                "http.request.method": event.method,
                "url.template": event.path,
                **_server(event.url),
                **attributes,
            },
        )

    def on_download(self, event: DownloadEvent, /) -> AbstractContextManager[object]:
        """Open the span of a download."""
        attributes: dict[str, str | int] = {
            "http.request.method": "GET",
            "url.full": event.url,
            "client.operation": event.operation,
            **_server(event.url),
        }
        return self._span(f"download {event.operation}", SpanKind.CLIENT, attributes, event.job_id)

    def on_download_attempt(self, event: DownloadAttemptEvent, /) -> None:
        """Note what an attempt at a download ended in."""
        attributes = _outcome(event.status_code, event.error)
        span = trace.get_current_span()
        span.set_attributes({**_status(event.status_code), "http.response.body.size": event.received})
        if event.attempt > 1:
            span.set_attribute("http.request.resend_count", event.attempt - 1)
        size = {"http.response.body.size": event.received}
        span.add_event("response", {**attributes, **size, "elapsed": event.elapsed})
        self._durations.record(event.elapsed, {"http.request.method": "GET", **_server(event.url), **attributes})

    @contextmanager
    def _span(self, name: str, kind: SpanKind, attributes: dict[str, str | int], job_id: str | None) -> Generator[None]:
        if job_id is not None:
            attributes["client.job_id"] = job_id
        # An exception is not recorded as OpenTelemetry does it: its traceback may quote what was sent.
        with self._tracer.start_as_current_span(
            name, kind=kind, attributes=attributes, record_exception=False, set_status_on_exception=False
        ) as span:
            try:
                yield
            except BaseException as error:
                _note(span, error)
                raise


def _note(span: Span, error: BaseException) -> None:
    span.set_attribute("error.type", _error_type(error))
    # The message of a ClientError holds no key; that of any other error may hold anything.
    span.set_status(Status(StatusCode.ERROR, str(error) if isinstance(error, errors.ClientError) else None))


def _status(status_code: int | None) -> dict[str, str | int]:
    return {} if status_code is None else {"http.response.status_code": status_code}


def _outcome(status_code: int | None, error: errors.ClientError | None) -> dict[str, str | int]:
    return {**_status(status_code), **({} if error is None else {"error.type": _error_type(error)})}


def _error_type(error: BaseException) -> str:
    """A status as its number, as the conventions ask for, anything else by its class."""
    status = error.status_code if isinstance(error, (errors.StatusError, errors.DownloadError)) else None
    return type(error).__name__ if status is None else str(status)


def _server(url: str) -> dict[str, str | int]:
    parts = urlsplit(url)
    port = parts.port or {"http": 80, "https": 443}.get(parts.scheme)
    return {"server.address": parts.hostname or "", **({} if port is None else {"server.port": port})}
