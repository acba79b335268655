"""Where the Chromium of the browser tests is; the set-up script looks in the same places."""

import os
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FETCHED_NAMES = {"chrome", "headless_shell", "chrome-headless-shell"}
FETCHED_TO = Path(sys.prefix) / "browsers"


@cache
def find_chromium() -> str | None:
    """Return a Chromium that starts and that Playwright's driver can reach, or None."""
    named = os.environ.get("PLUMBLINE_CHROMIUM")
    fetched = sorted(str(path) for path in FETCHED_TO.glob("chromium*/*/*") if path.name in FETCHED_NAMES)
    candidates = (
        [named] if named is not None else [*filter(None, map(shutil.which, NAMES)), *reversed(fetched)]
    )
    return (
        next((path for path in candidates if _starts(path, "--version")), None) if _driver_starts() else None
    )


def require_chromium() -> str:
    """Return the path of Chromium, or skip the test with the reason a reader can act on."""
    path = find_chromium()
    if path is None:
        pytest.skip("Chromium is not installed (Debian: apt-get install chromium libatomic1)")
    return path


def _driver_starts() -> bool:
    return _starts(sys.executable, "-m", "playwright", "--version")


def _starts(*command: str) -> bool:
    try:
        return subprocess.run(command, capture_output=True, timeout=60, check=False).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False
