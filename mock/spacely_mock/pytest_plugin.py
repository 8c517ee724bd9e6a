"""The pytest plugin: the fixture ``spacely_mock``. It imports nothing of the mock until a test asks for that."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from ._server import MockServer
    from ._testing import Mock


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add what names the contract."""
    what = "the contract that the fixture spacely_mock serves (default: openapi.yaml, or else the packaged one)"
    parser.getgroup("spacely-mock").addoption("--mock-spec", type=Path, metavar="FILE", help=what)
    parser.addini("mock_spec", what)


@pytest.fixture(scope="session")
def spacely_mock_server(pytestconfig: pytest.Config) -> Iterator[MockServer]:
    """The one mock server of the session (of each worker under pytest-xdist), in a thread, on a free port."""
    try:
        from ._server import MockServer
    except ImportError as error:
        pytest.fail(f"the fixture spacely_mock needs the extra mock: pip install 'spacely-client[mock]' ({error})")
    option: Path | None = pytestconfig.getoption("--mock-spec")
    ini: str = pytestconfig.getini("mock_spec")
    with MockServer(option or (pytestconfig.rootpath / ini if ini else None)) as server:
        yield server


@pytest.fixture
def spacely_mock(spacely_mock_server: MockServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Mock]:
    """A mock that sees this test alone; the client's environment variables lead to it."""
    from ._testing import Mock

    with Mock(spacely_mock_server) as mock:
        for name, value in mock.environment.items():
            monkeypatch.setenv(name, value)
        yield mock
