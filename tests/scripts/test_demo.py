"""scripts/demo: three rooms, twelve images, and nothing left running."""

from __future__ import annotations

import signal
import subprocess
from pathlib import Path

from PIL import Image

ROOT = Path(__file__).parents[2]


def children_of(group: int) -> str:
    return subprocess.run(["pgrep", "-g", str(group), "-a"], capture_output=True, text=True, check=False).stdout


def test_the_demo_renders_three_rooms_and_leaves_no_process_behind(tmp_path: Path) -> None:
    demo = subprocess.Popen(
        [ROOT / "scripts" / "demo", "--output", tmp_path], stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    told, _ = demo.communicate(timeout=60)
    assert demo.returncode == 0
    images = sorted(tmp_path.glob("*.png"))
    assert len(images) == 12
    assert len({image.name[:36] for image in images}) == 3
    for image in images:
        with Image.open(image) as opened:
            opened.load()
        assert str(image) in told
        assert image.name[:36] in told
    assert told.count("success") >= 3
    assert children_of(demo.pid) == ""


def test_a_demo_that_is_stopped_takes_its_mock_along(tmp_path: Path) -> None:
    with subprocess.Popen(
        [ROOT / "scripts" / "demo", "--output", tmp_path], stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as demo:
        assert demo.stdout is not None
        assert "http://127.0.0.1:" in demo.stdout.readline()
        demo.send_signal(signal.SIGTERM)
        demo.wait(timeout=30)
    assert children_of(demo.pid) == ""
