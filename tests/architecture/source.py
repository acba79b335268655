"""The source files as the rules read them."""

import ast
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


@cache
def tracked_files() -> tuple[Path, ...]:
    """Return every file git knows, or, in a copy without git, every file that is not a cache."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    names = listed.stdout.split("\0") if listed.returncode == 0 else _names_without_git()
    return tuple(path for name in names if name and (path := ROOT / name).is_file())


def _names_without_git() -> list[str]:
    visible = (path.relative_to(ROOT) for path in ROOT.rglob("*"))
    return [
        str(path)
        for path in visible
        if not any(part.startswith((".", "__pycache__")) for part in path.parts[:-1])
    ]


def python_files(*folders: str) -> list[Path]:
    """Return the Python files below these folders."""
    return [path for path in tracked_files() if path.suffix == ".py" and relative(path).startswith(folders)]


def relative(path: Path) -> str:
    """Return the path as the rules write it."""
    return path.relative_to(ROOT).as_posix()


@cache
def parsed(path: Path) -> ast.Module:
    """Return the syntax tree of a file."""
    return ast.parse(path.read_text(), filename=str(path))


def nodes(*folders: str) -> Iterator[tuple[str, ast.AST]]:
    """Yield every node below these folders with the file it stands in."""
    for path in python_files(*folders):
        for node in ast.walk(parsed(path)):
            yield relative(path), node
