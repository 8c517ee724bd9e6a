"""Uses that are wrong, each of which every type checker must object to; never run."""

from __future__ import annotations

import httpx

from spacely_client import AsyncSpacely, CallEvent, Hook, ResponseEvent, Spacely
from spacely_client.testing import set_testing


def arguments(client: Spacely) -> None:
    client.generate_advance(model="m", image_url="u", renovate_type="palatial")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  # ty: ignore[invalid-argument-type]
    client.generate_advance(model="m", image_url="u")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]  # ty: ignore[missing-argument]
    client.generate_advance("m", "u", "residential")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]  # ty: ignore[missing-argument, too-many-positional-arguments]
    client.poll_result(refId="r")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]  # ty: ignore[missing-argument, unknown-argument]
    client.job("poll_result", "r")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  # ty: ignore[invalid-argument-type]


def answers(client: Spacely) -> None:
    _ = client.poll_result(ref_id="r").data.status.colour  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType, reportUnknownVariableType]  # ty: ignore[missing-attribute]
    client.poll_result(ref_id="r").wait()  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType]  # ty: ignore[missing-attribute]
    client.with_raw_response.poll_result()  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]  # ty: ignore[missing-argument]
    _ = client.with_raw_response.poll_result(ref_id="r").data  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType, reportUnknownVariableType]  # ty: ignore[missing-attribute]


async def forgotten_await(client: AsyncSpacely) -> None:
    _ = client.poll_result(ref_id="r").data  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType, reportUnknownVariableType]  # ty: ignore[missing-attribute]
    _ = client.with_raw_response.poll_result(ref_id="r").parsed  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType, reportUnknownVariableType]  # ty: ignore[missing-attribute]


def settings() -> None:
    Spacely(rate_limit="100")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  # ty: ignore[invalid-argument-type]
    Spacely(retries=3)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]  # ty: ignore[unknown-argument]
    Spacely(hooks=[print])  # type: ignore[list-item]  # pyright: ignore[reportArgumentType]  # ty: ignore[invalid-argument-type]
    Spacely(transport=httpx.AsyncHTTPTransport())  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  # ty: ignore[invalid-argument-type]
    AsyncSpacely(transport=httpx.HTTPTransport())  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  # ty: ignore[invalid-argument-type]
    set_testing(True, on_wait=lambda: None)  # type: ignore[arg-type,misc]  # pyright: ignore[reportArgumentType]  # ty: ignore[invalid-argument-type]


def events(event: CallEvent) -> None:
    _ = event.attempt  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType, reportUnknownVariableType]  # ty: ignore[missing-attribute]
    event.job_id = "r"  # type: ignore[misc]  # pyright: ignore[reportAttributeAccessIssue]  # ty: ignore[invalid-assignment]


class TakesTheWrongEvent(Hook):
    """A call is no response."""

    def on_call(self, event: ResponseEvent, /) -> None:  # type: ignore[override]  # pyright: ignore[reportIncompatibleMethodOverride]  # ty: ignore[incompatible-method-override]
        ...
