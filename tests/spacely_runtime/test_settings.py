"""What a client is made with: arguments first, then the environment, then the contract."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from tests.spacely_runtime.things import KEY, RUNNING, Server, Things

from spacely_runtime import errors


def test_key_and_base_url_come_from_the_environment_where_they_are_not_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THINGS_API_KEY", "sk-from-outside")
    monkeypatch.setenv("THINGS_BASE_URL", "http://127.0.0.1:9/x/")
    server = Server(RUNNING)
    with Things(transport=httpx.MockTransport(server)) as client:
        client.look("t")
    assert server.requests[0].headers["x-key"] == "sk-from-outside"
    assert str(server.requests[0].url) == "http://127.0.0.1:9/x/look/t"


def test_the_contracts_server_is_the_last_resort() -> None:
    with Things(api_key=KEY) as client:
        assert client.base_url == "https://things.test/v1"
        assert repr(client) == "<Things https://things.test/v1>"


def test_a_missing_key_is_told_with_the_variable_to_set() -> None:
    with pytest.raises(errors.ConfigurationError, match="pass api_key=… or set THINGS_API_KEY"):
        Things()


@pytest.mark.parametrize("key", ["sk-\n", "sk-ключ", " sk-x", "sk-x\r\nX-Evil: 1"])
def test_a_key_that_no_header_can_carry_is_refused_without_being_shown(key: str) -> None:
    with pytest.raises(errors.ConfigurationError) as caught:
        Things(api_key=key)
    assert key not in str(caught.value)


@pytest.mark.parametrize(
    "url", ["things.test", "ftp://things.test", "https://", "http://[", "https://things.test/?a=1"]
)
def test_a_base_url_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(errors.ConfigurationError, match="is no base URL"):
        Things(api_key=KEY, base_url=url)


@pytest.mark.parametrize(
    "options", [{"timeout": 0}, {"timeout": float("inf")}, {"rate_limit": -1}, {"poll_interval": 0}]
)
def test_a_number_that_makes_no_sense_is_refused(options: dict[str, Any]) -> None:
    with pytest.raises(errors.ConfigurationError, match="greater than 0"):
        Things(api_key=KEY, **options)


def test_every_call_has_a_finite_timeout_by_default() -> None:
    server = Server(RUNNING)
    with server.client() as client:
        client.look("t")
    timeouts = server.requests[0].extensions["timeout"]
    assert set(timeouts) == {"connect", "read", "write", "pool"}
    assert all(0 < seconds <= 30 for seconds in timeouts.values())


@pytest.mark.parametrize(
    "options",
    [
        {"api_key": 5},
        {"base_url": 5},
        {"timeout": None},
        {"timeout": "3"},
        {"rate_limit": "x"},
        {"max_retries": "2"},
        {"polls_per_job": "2"},
        {"poll_interval": True},
    ],
    ids=repr,
)
def test_a_setting_of_the_wrong_type_is_refused_by_its_name(options: dict[str, Any]) -> None:
    with pytest.raises(errors.ConfigurationError, match=next(iter(options))):
        Things(**{"api_key": KEY, **options})


def test_a_password_in_the_base_url_is_not_shown() -> None:
    with Things(api_key=KEY, base_url="https://me:secret@things.test/v1") as client:
        assert repr(client) == "<Things https://***@things.test/v1>"
    with pytest.raises(errors.ConfigurationError) as caught:
        Things(api_key=KEY, base_url="ftp://me:secret@things.test/v1")
    assert "secret" not in str(caught.value)
