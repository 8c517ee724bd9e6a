"""Runs the vendor's samples in every language that this machine has; exits with 1 where one fails."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from ._samples import LANGUAGES, Language, check

AXIOS = "axios@1.13.2"


def main() -> int:
    outcomes = [_outcome(language) for language in LANGUAGES]
    return 0 if all(outcomes) else 1


def _outcome(language: Language) -> bool:
    missing = [program for program in language.needs if shutil.which(program) is None]
    if missing:
        _say(f"left out  {language.name}: {', '.join(missing)} is not on this machine")
        return True
    with tempfile.TemporaryDirectory() as folder:
        try:
            if "npm" in language.needs:
                _install_axios(Path(folder))
            check(language, Path(folder))
        except (AssertionError, OSError, subprocess.SubprocessError) as error:
            _say(f"FAILED    {language.name}: {error}")
            return False
    _say(f"passed    {language.name}")
    return True


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _install_axios(folder: Path) -> None:
    command = ["npm", "install", "--no-save", "--no-audit", "--no-fund", "--prefix", str(folder), AXIOS]
    run = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
    assert run.returncode == 0, f"npm cannot install {AXIOS}: {run.stderr.strip()}"


sys.exit(main())
