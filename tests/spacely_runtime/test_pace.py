"""The pace of polling: the contract's until jobs have told how long they take, then few polls that find them early."""

from __future__ import annotations

import math
import random
from statistics import mean, median

import pytest
from tests.spacely_runtime.things import DONE, RUNNING, STARTED, Clock, Server

from spacely_runtime._pace import Pace


def follow(pace: Pace, times: list[float], polls_a_job: float) -> tuple[list[int], list[float]]:
    """Poll jobs of known length at a pace that learns from them; how many polls each took, and how late it was."""
    polls, late = list[int](), list[float]()
    for time in times:
        age = running_at = 0.0
        for count in range(1, 1000):
            age = pace.next_age(age, polls_a_job)
            if age >= time:
                polls.append(count)
                late.append((age - time) / time)
                break
            running_at = age
        pace.finished(running_at, age)
    return polls, late


def test_before_anything_is_known_the_contracts_pace_holds() -> None:
    pace = Pace(delay=2.0, interval=3.0)
    assert [pace.next_age(0.0, 1.45), pace.next_age(2.0, 1.45), pace.next_age(5.0, 1.45)] == [2.0, 5.0, 8.0]


@pytest.mark.parametrize(("polls_a_job", "most_late"), [(1.45, 0.17), (2.0, 0.11), (5.0, 0.05)])
def test_more_polls_find_the_end_earlier(polls_a_job: float, most_late: float) -> None:
    chance = random.Random(1)
    times = [3.0 * math.exp(0.2 * chance.gauss(0, 1)) for _ in range(1000)]
    polls, late = follow(Pace(delay=2.0, interval=2.0), times, polls_a_job)
    assert mean(polls[100:]) == pytest.approx(polls_a_job, abs=0.2)
    assert median(late[100:]) < most_late


@pytest.mark.parametrize("seconds", [3.0, 30.0, 300.0])
def test_jobs_that_always_take_the_same_are_found_at_once(seconds: float) -> None:
    _, late = follow(Pace(delay=2.0, interval=2.0), [seconds] * 200, 1.45)
    assert median(late[100:]) < 0.1


def test_jobs_that_become_slower_are_learnt_anew() -> None:
    pace = Pace(delay=2.0, interval=2.0)
    follow(pace, [3.0] * 50, 1.45)
    polls, late = follow(pace, [9.0] * 1500, 1.45)
    assert median(late[-100:]) < 0.2
    assert mean(polls[-100:]) < 3


def test_a_client_learns_from_its_own_jobs(clock: Clock) -> None:
    answers = [STARTED, RUNNING, DONE] * 20
    with Server(*answers).client() as client:
        for _ in range(20):
            client.start().wait()
    first, last = clock.pauses[:2], clock.pauses[-2:]
    assert first == [5, 2]
    assert last != first
    assert last[0] < 7
