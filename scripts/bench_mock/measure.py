"""One run of the benchmark: every server in turn, several rounds, medians."""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from spacely_spec import Spec

from .load import CONNECTIONS, Sample, load
from .requests import Request, poll_request, submit_request
from .servers import Running, Server, running

Say = Callable[[str], None]


@dataclass
class Result:
    """What was measured of one server, a sample for each round."""

    server: Server
    starts: list[float] = field(default_factory=list)
    memory_at_rest: list[int] = field(default_factory=list)
    submit: list[Sample] = field(default_factory=list)
    poll: list[Sample] = field(default_factory=list)
    growth: list[tuple[int, int]] = field(default_factory=list)
    """Requests answered since the start, and the memory held then, in bytes."""

    def median(self, kind: str, figure: str) -> float:
        """The median over the rounds of one figure (a field of Sample) of submit or poll."""
        samples: list[Sample] = getattr(self, kind)
        return float(statistics.median([getattr(sample, figure) for sample in samples]))


class Bench:
    """Measures servers.

    Args:
        spec: The contract that all of them serve.
        cache: Where npm packages are kept.
        seconds: How long each run of wrk lasts.
        say: Told what is being done.
    """

    def __init__(self, spec: Spec, cache: Path, seconds: int, say: Say) -> None:
        self._spec = spec
        self._cache = cache
        self._seconds = seconds
        self._say = say
        self._submit = submit_request(spec)
        self._bases = list(dict.fromkeys([spec.base_path, ""]))

    def rounds(self, servers: Sequence[Server], count: int) -> list[Result]:
        """Measure the servers one after the other, and all of that several times."""
        results = [Result(server) for server in servers]
        for number in range(1, count + 1):
            for result in results:
                with running(result.server, self._spec.path, self._cache, self._submit, self._bases) as run:
                    result.starts.append(run.start_seconds)
                    result.memory_at_rest.append(run.memory)
                    result.submit.append(self._measured(run, self._submit))
                    result.poll.append(self._measured(run, self._poll(run)))
                self._say(
                    f"round {number}/{count}, {result.server.name}: {result.submit[-1].rate:,.0f} submits/s, "
                    f"{result.poll[-1].rate:,.0f} polls/s"
                )
        return results

    def grow(self, result: Result, marks: Sequence[int], limit: int) -> None:
        """Measure a server's memory after so many requests, submits and polls in turn; at most so many seconds."""
        with running(result.server, self._spec.path, self._cache, self._submit, self._bases) as run:
            done, spent = 0, 0
            for mark in marks:
                while done < mark and spent < limit:
                    for request in (self._submit, self._poll(run)):
                        seconds, connections = (1, 1) if done < marks[0] else (5, CONNECTIONS)
                        done += self._load(run, request, seconds, connections).requests
                        spent += seconds
                result.growth.append((done, run.memory))
                self._say(f"{result.server.name}: {run.memory / 1e6:,.0f} MB after {done:,} requests")

    def _measured(self, run: Running, request: Request) -> Sample:
        self._load(run, request, max(1, self._seconds // 2))  # Warm-up.
        sample = self._load(run, request, self._seconds)
        if sample.bad:
            raise RuntimeError(f"{sample.bad} of {sample.requests} answers were errors")
        return sample

    def _load(self, run: Running, request: Request, seconds: int, connections: int = CONNECTIONS) -> Sample:
        with tempfile.TemporaryDirectory() as folder:
            return load(run, request, seconds, Path(folder) / "request.lua", connections)

    def _poll(self, run: Running) -> Request:
        answer = self._submit.send(run.port, run.base)
        if answer is None:
            raise RuntimeError("the submit was not answered")
        return poll_request(self._spec, answer)
