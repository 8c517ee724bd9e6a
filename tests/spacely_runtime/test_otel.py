"""What OpenTelemetry gets to see: a span for each call and wait, events for attempts, durations, and no key."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest
from opentelemetry import trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode
from tests.spacely_runtime.things import DONE, KEY, RUNNING, STARTED, Clock, Server, answer

from spacely_runtime import errors
from spacely_runtime.otel import OpenTelemetryHook


class Telemetry:
    """Collects in memory what is exported."""

    def __init__(self) -> None:
        self._exporter = InMemorySpanExporter()
        self.tracers = TracerProvider()
        self.tracers.add_span_processor(SimpleSpanProcessor(self._exporter))
        self._reader = InMemoryMetricReader()
        self.hook = OpenTelemetryHook(self.tracers, MeterProvider([self._reader]))

    def spans(self) -> tuple[ReadableSpan, ...]:
        return self._exporter.get_finished_spans()

    def durations(self) -> Any:
        (resource,) = self._reader.get_metrics_data().resource_metrics  # type: ignore[union-attr]
        (metric,) = resource.scope_metrics[0].metrics
        assert (metric.name, metric.unit) == ("http.client.request.duration", "s")
        return metric.data.data_points


@pytest.fixture
def telemetry() -> Telemetry:
    return Telemetry()


def test_a_call_is_one_span_with_the_conventions_attributes_and_an_event_for_each_attempt(
    telemetry: Telemetry, clock: Clock
) -> None:
    with Server(answer(503), RUNNING).client(hooks=[telemetry.hook], base_url="https://things.test:8443/v1") as client:
        client.look("t")
    (span,) = telemetry.spans()
    assert (span.name, span.kind, span.status.status_code) == (
        "GET /look/{ticket}",
        SpanKind.CLIENT,
        StatusCode.UNSET,
    )
    assert dict(span.attributes or {}) == {
        "http.request.method": "GET",
        "url.full": "https://things.test:8443/v1/look/t",
        "url.template": "/look/{ticket}",
        "server.address": "things.test",
        "server.port": 8443,
        "client.operation": "lookAt",
        "client.job_id": "t",
        "http.request.resend_count": 1,
        "http.response.status_code": 200,
    }
    assert [event.name for event in span.events] == ["request", "response"] * 2
    assert (span.events[1].attributes or {})["error.type"] == "503"


def test_a_job_is_a_wait_with_its_polls_below_and_its_id_on_all(telemetry: Telemetry, clock: Clock) -> None:
    with Server(STARTED, RUNNING, DONE).client(hooks=[telemetry.hook]) as client:
        client.start().wait()
    submit, first, second, wait = telemetry.spans()
    assert (submit.name, wait.name, wait.kind) == ("POST /start", "wait startThing", SpanKind.INTERNAL)
    assert wait.context is not None
    for poll in (first, second):
        assert poll.parent is not None
        assert poll.parent.span_id == wait.context.span_id
    assert submit.parent is None
    assert {(span.attributes or {})["client.job_id"] for span in telemetry.spans()} == {"t-1"}


@pytest.mark.parametrize(
    ("wrong", "error_type"),
    [(answer(404), "404"), (httpx.ReadError("reset"), "TransportError"), (answer(200, b"<"), "InvalidResponse")],
)
def test_an_error_is_on_the_span_without_a_traceback(
    telemetry: Telemetry, wrong: httpx.Response | Exception, error_type: str
) -> None:
    server = Server(wrong)
    with server.client(hooks=[telemetry.hook], max_retries=0) as client, pytest.raises(errors.ClientError) as caught:
        client.look("t")
    (span,) = telemetry.spans()
    assert (span.status.status_code, span.status.description) == (StatusCode.ERROR, str(caught.value))
    assert (span.attributes or {})["error.type"] == error_type
    assert "exception" not in {event.name for event in span.events}


def test_each_attempts_duration_is_measured(telemetry: Telemetry, clock: Clock) -> None:
    with Server(answer(503), RUNNING, RUNNING).client(hooks=[telemetry.hook]) as client:
        client.look("t")
        client.look("u")
    counts = {point.attributes["http.response.status_code"]: point.count for point in telemetry.durations()}
    assert counts == {503: 1, 200: 2}


def test_no_span_and_no_metric_holds_the_key(telemetry: Telemetry) -> None:
    server = Server(answer(404, f"no such key: {KEY}".encode()))
    with server.client(hooks=[telemetry.hook]) as client, pytest.raises(errors.NotFound):
        client.look("t")
    assert KEY not in "".join(span.to_json() for span in telemetry.spans())
    assert KEY not in str(telemetry.durations())


def test_concurrent_calls_of_one_loop_keep_their_spans_apart(telemetry: Telemetry) -> None:
    async def run() -> None:
        server = Server(RUNNING)
        async with server.async_client(hooks=[telemetry.hook]) as client:
            with telemetry.tracers.get_tracer("test").start_as_current_span("all"):
                await asyncio.gather(*(client.look(f"t{number}") for number in range(5)))
            assert not trace.get_current_span().get_span_context().is_valid

    asyncio.run(run())
    *calls, all_of_them = telemetry.spans()
    assert all_of_them.context is not None
    assert {(span.attributes or {})["url.full"] for span in calls} == {
        f"https://things.test/v1/look/t{number}" for number in range(5)
    }
    for span in calls:
        assert span.parent is not None
        assert span.parent.span_id == all_of_them.context.span_id
        assert len(span.events) == 2


def test_without_opentelemetry_the_extra_is_named() -> None:
    code = "import sys; sys.modules['opentelemetry'] = None; import spacely_runtime.otel"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "install the client with its extra otel" in done.stderr


def test_a_download_is_a_span_with_an_event_for_each_attempt_and_no_signature(
    telemetry: Telemetry, clock: Clock, tmp_path: Path
) -> None:
    server = Server(DONE, answer(503), answer(body=b"image"), answer(404))
    with server.client(hooks=[telemetry.hook]) as client, pytest.raises(errors.DownloadError):
        client.job("start", "t-1").download(tmp_path)
    first, second = telemetry.spans()[2:]
    assert (first.name, first.kind, first.status.status_code) == (
        "download startThing",
        SpanKind.CLIENT,
        StatusCode.UNSET,
    )
    assert dict(first.attributes or {}) == {
        "http.request.method": "GET",
        "url.full": "https://files.test/a/one.png",
        "server.address": "files.test",
        "server.port": 443,
        "client.operation": "startThing",
        "client.job_id": "t-1",
        "http.request.resend_count": 1,
        "http.response.status_code": 200,
        "http.response.body.size": 5,
    }
    assert [dict(event.attributes or {}).get("error.type") for event in first.events] == ["503", None]
    assert (second.status.status_code, (second.attributes or {})["error.type"]) == (StatusCode.ERROR, "404")
    assert "sig=" not in "".join(span.to_json() for span in telemetry.spans())
    hosts = {point.attributes["server.address"]: 0 for point in telemetry.durations()}
    assert hosts.keys() == {"things.test", "files.test"}
