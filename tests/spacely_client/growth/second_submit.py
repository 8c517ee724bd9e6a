"""Two operations that submit share one that is polled; nested values are given as models or as plain ones."""

import asyncio
import datetime as dt
import sys

import pytest

from spacely_client import AsyncSpacely, InvalidRequest, Spacely
from spacely_client.models import FurnishRoomRequestPhoto, Piece, PieceKind, Room, RoomKind
from spacely_mock import MockServer
from spacely_spec import load

PHOTO = "https://x.test/empty.jpg"

with (
    MockServer(load(sys.argv[1]), render_time=0.2) as server,
    Spacely(api_key="sk-1", base_url=server.url, poll_interval=0.05) as client,
):
    with_models = client.furnish_room(
        photo=FurnishRoomRequestPhoto(url=PHOTO),
        room=Room(kind=RoomKind.LIVING_ROOM),
        pieces=[Piece(kind=PieceKind.SOFA, count=1), Piece(kind=PieceKind.LAMP, count=2)],
        keep_layout=True,
        deliver_by=dt.date(2026, 12, 24),
        seed=None,
    )
    with_plain_values = client.furnish_room(
        photo={"url": PHOTO},
        room={"kind": "bedroom"},
        pieces=[{"kind": "bed", "count": 1, "colours": ["oak"], "placement": {"x": 0.5, "y": 1}}],
        keep_layout=False,
    )
    plain = client.generate_advance(model="m", image_url=PHOTO, renovate_type="commercial")
    for job in (with_models, with_plain_values, plain):
        assert len(job.wait().data.result) == 4
    assert client.job("furnish_room", with_models.id).poll().data.status == "success"
    with pytest.raises(InvalidRequest) as caught:
        client.furnish_room(photo={"url": PHOTO}, room={"kind": "attic"}, pieces=[{"kind": "sofa"}], keep_layout=True)
    assert {violation.place for violation in caught.value.violations} == {"room/kind", "pieces/0"}

    async def run() -> None:
        async with AsyncSpacely(api_key="sk-1", base_url=server.url, poll_interval=0.05) as other:
            job = await other.furnish_room(
                photo={"url": PHOTO}, room={"kind": "bedroom"}, pieces=[{"kind": "bed", "count": 1}], keep_layout=False
            )
            assert (await job.wait()).data.status == "success"

    asyncio.run(run())
