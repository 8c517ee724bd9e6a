"""The vendor's own samples, run against a mock: changed in host, key, refId and image URL, and in nothing else."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from spacely_mock import ManualClock, MockServer

SAMPLES = Path(__file__).parent
CONTRACT = SAMPLES.parents[1] / "openapi.yaml"
RENDER_TIME = 30.0
KEY = "sk-sample-sample-sample-sample"
IMAGE_URL = "https://storage.googleapis.com/spacely/public/image/roomstyle3/bathroom-modern.jpg"


@dataclass(frozen=True)
class Language:
    """One language the vendor has samples in.

    Attributes:
        name: What people call it.
        file: The name of the sample's file, without ``.txt``.
        command: What runs it; the file's path is added.
        needs: The programs that must be on the machine.
    """

    name: str
    file: str
    command: tuple[str, ...]
    needs: tuple[str, ...]


LANGUAGES = (
    Language("cURL", "curl.sh", ("sh",), ("curl",)),
    Language("Python requests", "requests.py", (sys.executable,), ()),
    Language("Node fetch", "fetch.js", ("node",), ("node",)),
    Language("Node axios", "axios.js", ("node",), ("node", "npm")),
    Language("Go net/http", "net_http.go", ("go", "run"), ("go",)),
)


def check(language: Language, folder: Path) -> None:
    """Submit and poll with the samples of one language; raise AssertionError where an answer is not the documented one.

    Args:
        language: Whose samples to run.
        folder: Where to put them; what they import must be found from there.
    """
    clock = ManualClock()
    with MockServer(str(CONTRACT), render_time=RENDER_TIME, clock=clock) as server:
        submitted = _run(language, "generate-advance", folder, server.url, "")
        assert list(submitted) == ["data"], submitted
        ref_id = submitted["data"]
        assert isinstance(ref_id, str), submitted
        assert ref_id, submitted

        polled = _run(language, "poll-result", folder, server.url, ref_id)
        assert polled == {"data": {"status": "processing", "result": []}}, polled

        clock.advance(RENDER_TIME + 1)
        polled = _run(language, "poll-result", folder, server.url, ref_id)
        images = polled.get("data", {}).get("result")
        assert polled == {"data": {"status": "success", "result": images}}, polled
        assert len(images) == 4, images
        for image in images:
            with urlopen(image, timeout=10) as answer:
                assert answer.read(8) == b"\x89PNG\r\n\x1a\n", image


def _run(language: Language, operation: str, folder: Path, url: str, ref_id: str) -> Any:
    sample = folder / f"{operation}-{language.file}"
    text = (SAMPLES / operation / f"{language.file}.txt").read_text(encoding="utf-8")
    sample.write_text(_changed(text, url, ref_id), encoding="utf-8")
    run = subprocess.run(
        [*language.command, sample.name],
        cwd=folder,
        env={**os.environ, "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    try:
        return json.loads(run.stdout)
    except ValueError as error:
        raise AssertionError(f"no JSON: {run.stdout!r}; {run.stderr}") from error


def _changed(sample: str, url: str, ref_id: str) -> str:
    key_in_text = "'X-API-KEY: YOUR_API_KEY'"  # cURL has the key within a text, the others as a variable.
    changes = (
        (key_in_text, key_in_text.replace("YOUR_API_KEY", KEY)),
        ("YOUR_API_KEY", json.dumps(KEY)),
        ('"X-API-KEY", API_KEY', f'"X-API-KEY", {json.dumps(KEY)}'),
        ("IMAGE_URL", json.dumps(IMAGE_URL)),
        ("refId=REF_ID", f"refId={ref_id}"),
        ("refId=068e3933-4aeb-4b4d-a473-9f8fa9f2d20a", f"refId={ref_id}"),
        ("https://api.spacely.ai/api/v1", url),
    )
    for vendor, ours in changes:
        sample = sample.replace(vendor, ours)
    return sample
