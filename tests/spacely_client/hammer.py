"""A program that makes many calls as fast as it may, once it is told to: ``hammer.py CALLS CLOCK_OFFSET``."""

from __future__ import annotations

import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

# This machine's clock is wrong, and may be for all that the limit has to do with it.
_right, _offset = time.time, float(sys.argv[2])
time.time = lambda: _right() + _offset

from spacely_client import BadRequest, Spacely  # noqa: E402 - it is to find the clock wrong from the start

THREADS = 8
CALLS_A_SUBMIT = 6


def main() -> None:
    with Spacely(rate_limit=40) as client, ThreadPoolExecutor(THREADS) as threads:

        def call(number: int) -> None:
            if number % CALLS_A_SUBMIT == 0:
                client.generate_advance(model="m", image_url="https://x.test/1.jpg", renovate_type="residential")
                return
            with suppress(BadRequest):
                client.poll_result(ref_id="none")

        sys.stdout.write("ready\n")
        sys.stdout.flush()
        sys.stdin.readline()
        list(threads.map(call, range(int(sys.argv[1]))))


if __name__ == "__main__":
    main()
