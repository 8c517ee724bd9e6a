"""scripts/bench client: a small run of all its parts, and the page that it writes into."""

import sys
from collections import Counter
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def bench():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(ROOT / "scripts")
        yield __import__("bench_client.__main__").__main__
        for name in [name for name in sys.modules if name.partition(".")[0] in {"bench_client", "bench_mock"}]:
            del sys.modules[name]
        sys.modules.pop("bench_page", None)


@pytest.fixture
def flow(bench):
    return import_module("bench_client.flow")


@pytest.fixture
def arena(flow, bench, tmp_path):
    return flow.Arena(bench.load(ROOT / "openapi.yaml"), tmp_path, "lognormal:300ms,0.2")


def test_the_client_and_a_poller_know_of_every_job_and_the_mock_says_when_it_was_ready(flow, arena):
    name, arguments = flow.submit_arguments(arena.spec)
    ours = arena.run(
        flow.Flow("client", 20), lambda run, url: flow.with_client(run, url, arguments=arguments, name=name)
    )
    poller = flow.with_poller(arena.spec, in_hand=10, next_age=lambda age: age + 0.1, spacing=0)
    for run in (ours, arena.run(flow.Flow("poller", 20), poller)):
        assert (len(run.known), run.lost, run.errors) == (20, 0, Counter())
        assert run.known.keys() == run.ready.keys()
        assert len(run.calls) >= 40
        assert run.calls_a_job == len(run.calls) / 20
        assert run.worst_second <= 100
        assert all(late >= 0 for late in run.late)


def test_a_job_that_nobody_comes_to_know_of_is_lost_and_what_goes_wrong_is_counted(flow, arena):
    async def gives_up(run, url):
        client = flow.AsyncSpacely(flow.KEY, url)
        name, arguments = flow.submit_arguments(arena.spec)
        await getattr(client, name)(**arguments)
        await client.close()

    assert arena.run(flow.Flow("client", 1), gives_up).lost == 1
    name, _ = flow.submit_arguments(arena.spec)
    wrong = arena.run(flow.Flow("client", 2), lambda run, url: flow.with_client(run, url, arguments={}, name=name))
    assert wrong.errors == {"TypeError": 2}


def test_costs_import_and_memory_are_measured_and_told_with_what_misses_its_target(bench, flow, tmp_path):
    imports = import_module("bench_client.footprint").Imports
    spec = bench.load(ROOT / "openapi.yaml")
    cost = bench.costs(spec, tmp_path, 1)
    assert [each.what for each in cost] == [
        f"{where}, {kind}" for where in ("over a socket", "in process") for kind in ("sync", "async")
    ]
    assert all(each.ratio > 0.5 for each in cost)
    memory = bench.memory(spec, 50)
    assert memory.allocated > 500
    client = flow.Flow("this client", 2, known={"a": 14.5, "b": 15.0}, calls=[10.0, 10.0, 14.5, 15.0])
    client.ready, client.seconds = {"a": 13.0, "b": 14.0}, {"a": 3.0, "b": 4.0}
    text = bench.report([client], cost, imports(0.2, 0.1, 2.0, [("ours", 9.0)]), memory, rounds=1)
    assert "| this client (2 jobs) | 0.4 |" in text
    assert "| import, against httpx | at most 1.3 | 2 | no |" in text
    assert "| calls a job | at most 2.5 | 2 | yes |" in text


def test_an_import_is_measured_in_fresh_processes_and_what_comes_with_it_is_named(bench):
    found = bench.imports(1)
    assert min(found.httpx, found.client, found.ratio) > 0  # Which is greater, one round on a busy machine can't tell.
    assert "spacely_client" in dict(found.beyond)


def test_a_section_of_the_page_takes_the_place_of_its_last_one_and_no_other(bench, tmp_path):
    page = tmp_path / "BENCHMARKS.md"
    bench.write_section(page, "one", "## One\n\nold")
    bench.write_section(page, "two", "## Two")
    bench.write_section(page, "one", "## One\n\nnew \\1")
    text = page.read_text()
    assert text.startswith("# Benchmarks\n")
    assert (text.count("## One"), text.count("## Two"), text.count("old"), text.count("new \\1")) == (1, 1, 0, 1)
    assert text.index("## One") < text.index("## Two")
