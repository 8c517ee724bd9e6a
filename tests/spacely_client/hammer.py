"""A program that submits and polls as fast as it may, for a few seconds: ``hammer.py SECONDS CLOCK_OFFSET``."""

from __future__ import annotations

import sys
import threading
import time

# This machine's clock is wrong, and may be for all that the limit has to do with it.
_right, _offset = time.time, float(sys.argv[2])
time.time = lambda: _right() + _offset

from spacely_client import BadRequest, Spacely  # noqa: E402 - it is to find the clock wrong from the start

THREADS = 4


def main() -> None:
    end = time.monotonic() + float(sys.argv[1])
    with Spacely(rate_limit=40) as client:

        def poll() -> None:
            while time.monotonic() < end:
                try:
                    client.poll_result(ref_id="none")
                except BadRequest:
                    continue

        def submit() -> None:
            while time.monotonic() < end:
                client.generate_advance(model="m", image_url="https://x.test/1.jpg", renovate_type="residential")

        threads = [threading.Thread(target=each) for each in [submit, *[poll] * THREADS]]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()


if __name__ == "__main__":
    main()
