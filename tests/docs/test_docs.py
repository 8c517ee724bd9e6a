"""The examples in docs/ do what the pages say."""

import os
import re
import shutil
import socket
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest
from tests.spacely_mock.redis_server import RedisServer

ROOT = Path(__file__).parents[2]
SECTION = re.compile(r"^## (.+)$", re.MULTILINE)
BLOCK = re.compile(r"^```(sh|python|text|yaml)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PORTS = ("4010", "4011")
REDIS = "localhost:6379"


def sections():
    for page in sorted((ROOT / "docs").glob("*.md")):
        _, *parts = SECTION.split(page.read_text())
        for title, text in zip(parts[::2], parts[1::2], strict=True):
            blocks = BLOCK.findall(text)
            if any(kind != "text" for kind, _ in blocks):
                yield pytest.param(blocks, id=f"{page.stem}: {title}")


@pytest.fixture
def folder(tmp_path):
    shutil.copy(ROOT / "openapi.yaml", tmp_path)
    return tmp_path


@pytest.mark.parametrize("blocks", list(sections()))
def test_the_examples_of_a_section_print_what_the_page_says(blocks, folder):
    stand_ins = dict(zip(PORTS, free_ports(len(PORTS)), strict=True))
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    environment.pop("GITHUB_STEP_SUMMARY", None)  # What examples find is no news of the CI job.
    options = {"cwd": folder, "env": environment, "text": True}
    printed = ""
    with ExitStack() as running:
        if any(REDIS in text for _, text in blocks):
            stand_ins[REDIS] = f"127.0.0.1:{running.enter_context(RedisServer()).port}"
        for kind, text in blocks:
            # All at once: one stand-in may look as another port is written.
            text = re.sub("|".join(map(re.escape, stand_ins)), lambda found: stand_ins[found[0]], text)
            match kind:
                case "sh" if text.startswith("redis-server"):
                    continue  # It runs already.
                case "sh" if text.startswith("spacely-mock"):
                    mock = subprocess.Popen(["bash", "-c", f"exec {text}"], stdout=subprocess.PIPE, **options)
                    running.callback(stop, mock)
                    port = re.search(r"--port (\d+)", text)[1]
                    assert f"at http://127.0.0.1:{port}/" in mock.stdout.readline()
                case "text":
                    wanted = re.escape(text.strip()).replace("…", r"(?s:.*)")
                    assert re.fullmatch(wanted, printed.strip()), printed
                case "yaml":
                    (folder / re.match(r"# (\S+)", text)[1]).write_text(text)
                case _:
                    done = subprocess.run(command(kind, text, folder), capture_output=True, check=False, **options)
                    printed = done.stdout
                    assert done.returncode == 0, done.stdout + done.stderr


def free_ports(count):
    with ExitStack() as held:
        sockets = [held.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [str(each.getsockname()[1]) for each in sockets]


def command(kind, text, folder):
    if kind == "sh":
        text = re.sub(r"^scripts/", f"{ROOT}/scripts/", text, flags=re.MULTILINE)
        return ["bash", "-euo", "pipefail", "-c", text]
    if "\ndef test_" in text:
        file = folder / "test_example.py"
        file.write_text(text)
        return [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(file)]
    return [sys.executable, "-c", text]


def stop(process):
    process.terminate()
    process.communicate(timeout=10)


def test_the_page_is_long_enough_to_show_every_part():
    assert len(list(sections())) >= 15
