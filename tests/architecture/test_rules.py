"""The rules of docs/architecture.md that a program can check."""

import ast
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from app.domain.errors import DomainError
from app.domain.lifecycle import RecordingState
from app.http.problems import STATUS_BY_CODE
from tests.architecture.source import ROOT, nodes, python_files, relative, tracked_files

OURS = ("app/", "workers/")
TEXT_SUFFIXES = {
    ".py",
    ".md",
    ".toml",
    ".yml",
    ".yaml",
    ".html",
    ".css",
    ".sh",
    ".lock",
    ".txt",
    ".json",
    ".ini",
    ".mako",
}


def where(found: list[tuple[str, ast.AST]]) -> set[str]:
    """Return the files in which something was found."""
    return {path for path, _ in found}


def test_imports_when_checked_then_every_room_keeps_its_arrows():
    linter = Path(sys.executable).with_name("lint-imports")
    run = subprocess.run([linter, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr


def test_commit_when_searched_then_only_the_unit_of_work_does_it():
    found = [
        (path, node)
        for path, node in nodes(*OURS)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "commit"
    ]
    assert where(found) == {"app/db/unit_of_work.py"}


def test_units_of_work_when_opened_for_a_request_then_by_the_principal_so_that_changes_must_be_told():
    """`uow_factory(principal)` refuses changes without a word to the audit trail; an id would not."""
    silent = [
        f"{path}:{node.lineno}: {ast.unparse(node)}"
        for path, node in nodes("app/api/", "app/web/", "app/http/")
        if isinstance(node, ast.Call)
        and ast.unparse(node.func).endswith("uow_factory")
        and ast.unparse(node.args[0]) not in {"principal", "None"}
    ]
    assert silent == [], "open it as uow_factory(principal)"


def test_files_when_handed_out_then_the_audit_trail_is_told():
    """Whatever opens a video, picture or report for somebody says so: `uow.audit.record_reading(…)`."""
    silent = [
        f"{path}:{node.lineno}: {node.name}"
        for path, node in nodes("app/services/")
        if isinstance(node, ast.FunctionDef)
        and any(
            isinstance(call, ast.Call) and ast.unparse(call.func) == "OpenBlob" for call in ast.walk(node)
        )
        and ".audit.record" not in ast.unparse(node)
    ]
    assert silent == []


def test_state_when_searched_then_only_the_repository_it_belongs_to_writes_it():
    """That of a recording, and that of an analysis's pictures."""
    found = [(path, node) for path, node in nodes(*OURS) if writes_state(node)]
    assert where(found) <= {
        "app/db/repositories/recordings.py",
        "app/db/repositories/pictures.py",
        "app/db/repositories/reanalyses.py",
    }


def writes_state(node: ast.AST) -> bool:
    """Say whether this assigns an attribute `state`, or sets the column in an UPDATE or INSERT."""
    if isinstance(node, ast.Assign | ast.AugAssign | ast.AnnAssign):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        return any(isinstance(target, ast.Attribute) and target.attr == "state" for target in targets)
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "values"
        and any(keyword.arg == "state" for keyword in node.keywords)
    )


def test_recording_state_when_a_step_depends_on_it_then_the_lifecycle_decides():
    found = [
        (path, node)
        for path, node in nodes("app/services/", "workers/")
        if isinstance(node, ast.If | ast.IfExp) and compares_state(node.test)
    ]
    assert where(found) == set()


def compares_state(test: ast.expr) -> bool:
    """Say whether a condition compares something with one member of `RecordingState`."""
    return any(
        isinstance(node, ast.Compare)
        and isinstance(node.ops[0], ast.Eq | ast.NotEq | ast.Is | ast.IsNot)
        and any(
            isinstance(side, ast.Attribute)
            and isinstance(side.value, ast.Name)
            and side.value.id == RecordingState.__name__
            for side in (node.left, *node.comparators)
        )
        for node in ast.walk(test)
    )


def domain_errors(kind: type[DomainError] = DomainError) -> list[type[DomainError]]:
    """Return every error below this one."""
    return [error for child in kind.__subclasses__() for error in (child, *domain_errors(child))]


def test_domain_errors_when_walked_then_each_has_a_code_of_its_own_and_a_status():
    # an error that inherits its code is told like its parent
    own = [
        error for error in domain_errors() if error.__module__.startswith("app.") and "code" in vars(error)
    ]
    codes = Counter(error.code for error in own)
    assert len(codes) >= 12
    assert [code for code, count in codes.items() if count > 1] == []
    assert [code for code in codes if not re.fullmatch(r"[a-z]+(_[a-z]+)*", code)] == []
    assert codes.keys() <= STATUS_BY_CODE.keys()


def test_settings_when_read_then_no_module_keeps_an_instance():
    found = [
        (relative(path), node)
        for path in python_files(*OURS)
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.Assign | ast.AnnAssign)
        and isinstance(node.value, ast.Call)
        and ast.unparse(node.value.func).rpartition(".")[2]
        in {"Settings", "load_settings", "create_app", "build_container"}
    ]
    assert where(found) == set()


def test_ignores_when_written_then_the_reason_stands_on_the_line():
    bare = re.compile(
        r"#\s*(noqa(:\s*[A-Z]+\d+(,\s*[A-Z]+\d+)*)?|type:\s*ignore(\[[\w, -]+\])?|pragma: no cover)\s*$"
    )
    lines = [
        f"{relative(path)}:{number}"
        for path in python_files("app/", "workers/", "bench/", "scripts/", "migrations/", "tests/")
        for number, line in enumerate(path.read_text().splitlines(), start=1)
        if bare.search(line)
    ]
    assert lines == []


@pytest.mark.parametrize(
    ("what", "pattern"),
    [
        (
            "a folder of somebody's machine",
            r"(?<![\w.])/(home|Users|root|work)/\w|/tmp/[a-z]{1,3}/",
        ),  # a pattern
        (
            "a package index",
            r"--(extra-)?index-url[ =]|https?://\S*/simple(/|\b)|files\.pythonhosted|https?://pypi\.",
        ),
        (
            "a promise nobody can keep",
            r"(?i)(?<!no )probability of (an )?injury|injury probability|(?<!not )predicts? (an )?injur|safe to (play|return)",
        ),
    ],
)
def test_repository_when_searched_then_it_does_not_hold(what, pattern):
    here = Path(__file__)
    hits = [
        f"{relative(path)}:{number}: {line.strip()[:120]}"
        for path in tracked_files()
        if path.suffix in TEXT_SUFFIXES and path != here
        for number, line in enumerate(path.read_text(errors="replace").splitlines(), start=1)
        if re.search(pattern, line)
    ]
    assert hits == [], what
