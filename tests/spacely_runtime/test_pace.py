"""The pace of polling: the contract's until jobs have told how long they take, then few polls that find them early."""

from __future__ import annotations

import math
import random
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from statistics import mean, median
from typing import Any

import httpx
import pytest
from tests.spacely_runtime.things import KEY, RUNNING, STARTED, Clock, Server, Things, answer

from spacely_runtime._budget import Budget, RateLimit
from spacely_runtime._pace import Pace, spread
from spacely_runtime._wait import Following, Wait

ROOT = Path(__file__).parents[2]
GAP = 0.16


def follow(pace: Pace, times: list[float], polls_a_job: float) -> tuple[list[int], list[float]]:
    """Poll jobs of known length one after the other; how many polls each took, and how late it was known."""
    polls, late = list[int](), list[float]()
    for time in times:
        course = pace.follow(crowded=False)
        age = 0.0
        for count in range(1, 1000):
            age = course.next_age(age, age, polls_a_job, GAP)
            if age >= time:
                polls.append(count)
                late.append((age - time) / time)
                course.finished(age)
                break
            course.outlasted(age)
        course.left()
    return polls, late


def lognormal(median: float, sigma: float, count: int) -> list[float]:
    chance = random.Random(1)
    return [median * math.exp(sigma * chance.gauss(0, 1)) for _ in range(count)]


def test_before_anything_is_known_the_contracts_pace_holds() -> None:
    course = Pace(delay=2.0, interval=3.0).follow(crowded=False)
    assert [course.next_age(last, last, 1.45, GAP) for last in (0.0, 2.0, 5.0)] == [2.0, 5.0, 8.0]


@pytest.mark.parametrize(("polls_a_job", "most_late"), [(1.45, 0.16), (2.0, 0.11), (5.0, 0.05)])
def test_more_polls_find_the_end_earlier(polls_a_job: float, most_late: float) -> None:
    polls, late = follow(Pace(delay=2.0, interval=2.0), lognormal(3.0, 0.2, 1000), polls_a_job)
    assert mean(polls[100:]) == pytest.approx(polls_a_job, abs=0.2)
    assert median(late[100:]) < most_late


@pytest.mark.parametrize("polls_a_job", [1.1, 1.41, 2.0, 5.0, 20.0])
def test_polls_are_laid_out_so_that_jobs_take_as_many_as_they_may(polls_a_job: float) -> None:
    start, step = spread(polls_a_job)
    beyond = [math.erfc((start + step * number) / math.sqrt(2)) / 2 for number in range(200)]
    assert 1 + sum(beyond) == pytest.approx(polls_a_job, abs=0.03)


@pytest.mark.parametrize("seconds", [3.0, 30.0, 300.0])
def test_jobs_that_always_take_the_same_are_found_at_once(seconds: float) -> None:
    _, late = follow(Pace(delay=2.0, interval=2.0), [seconds] * 200, 1.45)
    assert median(late[100:]) < 0.1


@pytest.mark.parametrize("before", [0.3, 3.0, 27.0])
def test_jobs_that_come_to_take_another_time_are_learnt_anew(before: float) -> None:
    pace = Pace(delay=2.0, interval=2.0)
    follow(pace, lognormal(before, 0.1, 300), 1.45)
    polls, late = follow(pace, lognormal(9.0, 0.1, 600), 1.45)
    assert median(late[-100:]) < 0.2
    assert mean(polls[-100:]) < 3


def test_a_job_that_is_stuck_does_not_change_what_is_known_of_the_others() -> None:
    pace = Pace(delay=2.0, interval=2.0)
    times = lognormal(3.0, 0.2, 600)
    times[::50] = [600.0] * 12
    _, late = follow(pace, times, 1.45)
    assert median(late[100:]) < 0.17


def test_a_job_that_outlasts_all_others_is_polled_at_the_contracts_interval_and_then_ever_less_often() -> None:
    pace = Pace(delay=2.0, interval=2.0)
    follow(pace, lognormal(3.0, 0.05, 100), 1.45)
    stuck = pace.follow(crowded=False)
    assert [stuck.next_age(age, age, 1.45, GAP) - age for age in (6.0, 100.0)] == [2.0, 10.0]


def test_a_plan_is_made_again_before_its_time_comes(clock: Clock) -> None:
    with Server(STARTED, RUNNING).client() as client:
        job = client.start()
        pace = job.following._pace
        follow(pace, [60.0] * 20, 1.45)
        wait = Wait[Any](job, None)
        assert 20 < wait.pause() < 40
        follow(pace, [5.0] * 400, 1.45)
        assert wait.pause() < 5
        wait.close()


def test_a_wait_that_ends_makes_room_for_another_job_to_be_polled_often() -> None:
    budget, pace = Budget(RateLimit(100, 1.0)), Pace(delay=2.0, interval=2.0)
    budget.enter(submit=True)
    following = Following(pace, budget, lambda _: 1.45)
    courses = [following.begin() for _ in range(10)]
    assert sum(course.scout for course in courses) == 6
    for course in courses:
        following.end(course, None)
    assert following.begin().scout


def test_jobs_that_still_run_tell_that_jobs_take_long() -> None:
    pace = Pace(delay=2.0, interval=2.0)
    slow = [pace.follow(crowded=False) for _ in range(20)]
    for course in slow:
        course.outlasted(3.0)
    for _ in range(5):
        pace.follow(crowded=False).finished(2.0)
    known = pace.typical_seconds
    assert known is not None
    assert known > 2.5
    for course in slow:
        course.left()


def test_where_many_jobs_come_a_few_are_polled_often_and_the_others_wait_for_what_they_tell() -> None:
    pace = Pace(delay=2.0, interval=2.0)
    courses = [pace.follow(crowded=True) for _ in range(40)]
    scouts = [course for course in courses if course.scout]
    others = [course for course in courses if not course.scout]
    assert len(scouts) == 6
    assert [course.next_age(0.0, 0.0, 1.45, GAP) for course in scouts] == [0.5] * 6
    assert all(course.next_age(0.0, 2.9, 1.45, GAP) > 2.9 for course in others)
    for course in scouts[:3]:
        course.outlasted(2.9)
        course.finished(3.0)
        course.left()
    assert others[0].next_age(0.0, 0.0, 1.45, GAP) == pytest.approx(3.5, abs=0.5)


def test_where_nothing_comes_of_the_few_the_others_go_on_at_the_contracts_pace() -> None:
    pace = Pace(delay=2.0, interval=2.0)
    courses = [pace.follow(crowded=True) for _ in range(10)]
    for course in courses:
        if course.scout:
            course.left()
    assert courses[-1].next_age(0.0, 0.5, 1.45, GAP) == 2.0


def test_a_client_learns_from_its_own_jobs(clock: Clock) -> None:
    def answered(request: httpx.Request) -> httpx.Response:
        if request.method == "POST":
            started.append(clock.now)
            return answer(body={"ticket": "t-1"})
        return answer(body={"state": "done" if clock.now - started[-1] >= 5.6 else "running"})

    started = list[float]()
    with Things(KEY, transport=httpx.MockTransport(answered)) as client:
        waits = list[float]()
        for _ in range(40):
            began = clock.now
            client.start().wait()
            waits.append(clock.now - began)
    assert waits[0] == 7  # The contract's pace: after five seconds, and two more.
    assert max(waits[-10:]) < 6.2


@pytest.fixture(scope="module")
def simulation() -> Iterator[Any]:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(ROOT / "scripts")
        yield __import__("bench_client.simulate").simulate
        for name in [name for name in sys.modules if name.partition(".")[0] == "bench_client"]:
            del sys.modules[name]


# Jobs a second, calls a job, median delay as a part of the time: none may be worse, whatever jobs there are.
CASES = {
    "lognormal 3 s, sigma 0.2": (600, 28, 2.75, 0.19),
    "lognormal 3 s, sigma 0.05": (600, 30, 2.6, 0.09),
    "lognormal 3 s, sigma 0.5": (600, 18, 3.2, 0.55),
    "2 s or 6 s": (600, 22, 3.3, 1.40),
    "3 s, then 6 s": (600, 20, 3.3, 0.25),
    "6 s, then 3 s": (600, 26, 2.9, 0.55),
    "lognormal 30 s, sigma 0.2": (600, 8, 6.0, 0.20),
    "5 calls a second, 100 jobs": (100, 1.8, 2.7, 0.40),
    "1 job": (1, 0.2, 4, 0.5),
    "10 jobs": (10, 1.5, 3.5, 0.5),
    "200 jobs in hand at a time": (600, 25, 2.8, 0.30),
    "one in a hundred takes 60 s": (600, 5, 3.0, 0.25),
    "round trips of 0.2 s": (600, 25, 2.7, 0.27),
}


@pytest.mark.parametrize("name", CASES)
def test_calls_are_spent_well_on_jobs_of_every_kind(simulation: Any, name: str) -> None:
    jobs, rate, calls, late = CASES[name]
    case = next(case for case in simulation.CASES if case.name == name)
    outcome = simulation.simulate(replace(case, jobs=jobs), seed=3)
    assert len(outcome.known) == jobs
    assert outcome.worst_window() <= case.rate
    assert outcome.rate > rate
    assert outcome.calls_a_job < calls
    assert median(outcome.late) < late


def test_a_caller_moves_the_trade_off_between_calls_and_delay(simulation: Any) -> None:
    case = replace(simulation.CASES[0], jobs=400)
    few, many = (simulation.simulate(replace(case, polls_per_job=polls), seed=1) for polls in (1.2, 3.0))
    assert few.rate > 1.3 * many.rate
    assert median(many.late) < 0.5 * median(few.late)
