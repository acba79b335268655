"""Compile the lock files from pyproject.toml, for every platform and Python, with hashes and no index address.

The development lock is compiled first and constrains the others, so that one version of a package stands in all.
"""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DEV = "requirements-dev.lock"
LOCKS: dict[str, str] = {
    DEV: "pyproject.toml --extra=pose --extra=embedded --extra=dev --group=build",
    "requirements.lock": "pyproject.toml --extra=pose --extra=embedded",
    "requirements-worker.lock": "pyproject.toml --extra=pose",
    "requirements-api.lock": "pyproject.toml",
    "requirements-build.lock": "--group=build",
}
"""Lock file -> what of pyproject.toml goes into it."""

STYLE = "--universal --python-version=3.11 --generate-hashes --no-header --no-annotate --no-emit-index-url"


def compile_lock(lock: str, *, options: list[str]) -> None:
    """Compile one lock file; pins that stand in it are kept unless --upgrade is given."""
    command = [sys.executable, "-m", "uv", "pip", "compile", "--quiet", f"--output-file={lock}"]
    subprocess.run([*command, *LOCKS[lock].split(), *STYLE.split(), *options], cwd=ROOT, check=True)


def main() -> None:
    """Compile all of them."""
    for lock in LOCKS:
        constraint = [] if lock == DEV else ["--constraints", DEV]
        compile_lock(lock, options=[*constraint, *sys.argv[1:]])
        n_pins = sum(line[0].isalnum() for line in (ROOT / lock).read_text().splitlines())
        print(f"{lock}: {n_pins} packages")


if __name__ == "__main__":
    main()
