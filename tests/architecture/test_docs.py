"""What the documents tell a reader to type, set or open is there."""

import re
from pathlib import Path

import click
import pytest
import typer.main

from app.cli import app as cli
from app.settings import ENV_PREFIX, Settings
from tests.architecture.source import ROOT, relative, tracked_files

DOCUMENTS = [path for path in tracked_files() if path.suffix == ".md"]
IDS = [relative(path) for path in DOCUMENTS]
TARGETS = set(re.findall(r"(?m)^([a-z-]+):", (ROOT / "Makefile").read_text()))
COMMANDS: dict[str, click.Command] = dict(typer.main.get_command(cli).commands)  # type: ignore[attr-defined]  # a group
DECISIONS = sorted((ROOT / "docs" / "decisions").glob("0*.md"))
CODE = re.compile(r"```(?:sh|console)?\n(.*?)```|`([^`\n]+)`", re.DOTALL)


def code_of(path: Path) -> str:
    """Return what stands as code in a document."""
    return "\n".join(block or inline for block, inline in CODE.findall(path.read_text()))


@pytest.mark.parametrize("path", DOCUMENTS, ids=IDS)
def test_document_when_it_names_a_make_target_then_there_is_one(path):
    assert set(re.findall(r"(?m)^(?:\S+=\S+ )*make ([a-z][a-z-]*)", code_of(path))) <= TARGETS


@pytest.mark.parametrize("path", DOCUMENTS, ids=IDS)
def test_document_when_it_names_a_command_then_it_and_its_options_exist(path):
    for command, rest in re.findall(r"(?m)(?<![=/.\w-])plumbline ([a-z][a-z-]+)\b([^\n|#]*)", code_of(path)):
        assert command in COMMANDS, f"plumbline {command}"
        found = COMMANDS[command]
        if below := getattr(found, "commands", None):  # a group of commands
            assert rest.split()[0] in below, f"plumbline {command}{rest}"
            found = below[rest.split()[0]]
        known = {option for parameter in found.params for option in parameter.opts}
        assert set(re.findall(r"(?<!\S)\[?(--[a-z-]+)", rest)) <= known, f"plumbline {command}{rest}"


@pytest.mark.parametrize("path", DOCUMENTS, ids=IDS)
def test_document_when_it_links_to_a_file_then_the_file_is_there(path):
    links = re.findall(r"\]\(([^)#\s]+)", path.read_text())
    missing = [link for link in links if "://" not in link and not (path.parent / link).exists()]
    assert missing == []


def test_operations_when_compared_with_the_settings_then_every_setting_is_explained():
    text = (ROOT / "docs" / "operations.md").read_text()
    rows = dict(re.findall(r"(?m)^\| `(PLUMBLINE_[A-Z0-9_]+)` \| .+? \| (.+) \|$", text))
    assert rows == {
        ENV_PREFIX + name.upper(): field.description for name, field in Settings.model_fields.items()
    }


@pytest.mark.parametrize("path", DECISIONS, ids=lambda path: path.name)
def test_decision_when_read_then_it_says_what_enforces_it_and_that_is_there(path):
    text = path.read_text()
    assert re.match(rf"# {path.name[:4]}: .+\n\n\*\*Decision\.\*\* ", text)
    enforced = text.split("**Enforced by**")[1]
    for named in re.findall(r"`((?:app|workers|tests|scripts|docs)/[\w./-]+)`", enforced):
        assert (ROOT / named).exists(), named
    assert f"({path.name})" in (path.parent / "README.md").read_text()


def test_decisions_when_code_refers_to_one_then_it_exists():
    numbers = {
        number
        for path in tracked_files()
        if path.suffix in {".py", ".toml", ".md"}
        for number in re.findall(r"docs/decisions/(\d{4})", path.read_text())
    }
    assert numbers <= {path.name[:4] for path in DECISIONS}
    assert len(DECISIONS) == len({path.name[:4] for path in DECISIONS})


def test_makefile_when_help_is_printed_then_every_public_target_is_in_it():
    makefile = (ROOT / "Makefile").read_text()
    private = {"need-python", "setup-run", "setup-test", "pytest"}
    documented = set(re.findall(r"(?m)^([a-z-]+):.*## ", makefile))
    assert documented == TARGETS - private
