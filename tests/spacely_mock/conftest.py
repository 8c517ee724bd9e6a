"""One Redis for all the tests of a process that want one, empty for each."""

import pytest
from tests.spacely_mock.redis_server import RedisServer


@pytest.fixture(scope="session")
def redis_server():
    with RedisServer() as server:
        yield server


@pytest.fixture
def redis_url(redis_server):
    redis_server.flush()
    return redis_server.url
