"""Hostile exchanges on real sockets, under each of the two HTTP parsers, and without the fast lane."""

import time

import pytest
from tests.spacely_mock.hostile.client import Victim, perform
from tests.spacely_mock.hostile.corpus import CLOSED, CORPUS

PROMPT = 3  # Seconds in which an ordinary request is answered at once, on a busy machine too.
PATIENCE = 0.5  # Seconds the server gives a client here.
ORDINARY = [exchange for exchange in CORPUS if not exchange.name.startswith("slow")]


VICTIMS = {
    "httptools": ("httptools",),
    "h11": ("h11",),
    "without the fast lane": ("httptools", "--no-fast-lane"),
}


@pytest.fixture(scope="module", params=VICTIMS.values(), ids=list(VICTIMS))
def victim(request, tmp_path_factory):
    # A short journal is full after one sweep; a long one would still be filling up, as it may.
    parser, *options = request.param
    options += ["--request-timeout", f"{PATIENCE}s", "--journal", "50"]
    running = Victim(tmp_path_factory.mktemp("victim"), parser, *options)
    yield running
    running.stop()


def test_the_corpus_is_large_and_its_names_differ():
    assert len(CORPUS) >= 200
    assert len({exchange.name for exchange in CORPUS}) == len(CORPUS)


@pytest.mark.parametrize("exchange", CORPUS, ids=lambda exchange: exchange.name)
def test_a_hostile_exchange_ends_well_and_the_next_request_is_answered_at_once(victim, exchange):
    answers = perform(victim, exchange)
    answers += [CLOSED] * (len(exchange.expected) - len(answers))
    for status, expected in zip(answers, exchange.expected, strict=True):
        assert status in expected, answers
    began = time.monotonic()
    assert victim.submit().status_code == 200
    assert time.monotonic() - began < PROMPT
    assert victim.stderr == ""


def test_memory_and_descriptors_are_flat(victim):
    def sweep():
        for exchange in ORDINARY:
            perform(victim, exchange)
        return victim.memory, victim.descriptors

    sweep()
    before, descriptors = sweep()
    after, descriptors_after = sweep()
    assert after < before * 1.05 + 2_000_000
    assert descriptors_after <= descriptors + 2
