"""Commands for whoever runs the service, each as a process on a real database."""

import re
import subprocess
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from app.container import build_container
from app.db.provision import DatabaseUrls
from app.domain.audit import Act
from app.services import accounts
from app.settings import load_settings
from tests.support.processes import run


class Commands:
    def __init__(self, settings: dict[str, object]) -> None:
        self.settings = settings

    def run(self, *arguments: str, typed: str = "") -> subprocess.CompletedProcess[str]:
        return run(*arguments, typed=typed, **self.settings)


@pytest.fixture
def commands(database: DatabaseUrls, redis_url: str, tmp_path: Path) -> Commands:
    return Commands(
        {
            "data_dir": tmp_path,
            "database_url": database.app_url,
            "database_owner_url": database.owner_url,
            "redis_url": redis_url,
        }
    )


def test_create_user_and_key_when_typed_then_both_open_the_door_to_the_same_organisation(
    commands: Commands,
) -> None:
    password = "a long and private sentence"
    made = commands.run(
        "create-user", "kim@example.org", "--organisation", "Kim's Club", typed=f"{password}\n"
    )
    assert made.returncode == 0, made.stderr
    assert password not in made.stdout + made.stderr
    organisation_id = made.stdout.split()[-1]
    key = commands.run("create-api-key", organisation_id)
    assert key.returncode == 0, key.stderr
    with build_container(load_settings(**commands.settings)) as container, container.uow_factory(None) as uow:
        login = accounts.sign_in(uow=uow, email="kim@example.org", password=password)
        holder = accounts.resolve_api_key(uow=uow, key=key.stdout.strip())
    assert str(login.principal.organisation_id) == str(holder.organisation_id) == organisation_id


@pytest.mark.parametrize(
    ("arguments", "typed", "said"),
    [
        (("create-user", "a@example.org"), "", "--organisation"),
        (
            ("create-user", "a@example.org", "--organisation", "A", "--role", "boss"),
            "",
            "owner, clinician, trainer or viewer",
        ),
        (("create-user", "a@example.org", "--organisation", "A"), "short\n", "password"),
        (
            ("create-user", "a@example.org", "--organisation-id", "17"),
            "long enough a password\n",
            "not the id",
        ),
        (("create-api-key", "17"), "", "not the id"),
    ],
)
def test_admin_command_when_an_argument_makes_no_sense_then_says_so_without_a_trace(
    commands: Commands, arguments: tuple[str, ...], typed: str, said: str
) -> None:
    result = commands.run(*arguments, typed=typed)
    assert result.returncode == 1
    assert said.lower() in result.stderr.lower()
    assert "Traceback" not in result.stderr


def test_migrate_and_sweep_when_there_is_nothing_to_do_then_say_so(commands: Commands) -> None:
    assert commands.run("migrate").stdout == "The tables are up to date.\n"
    assert commands.run("sweep").stdout == "Sent again: 0. Put back: 0. Given up: 0.\n"


def test_command_when_no_database_is_named_then_says_what_to_set(tmp_path: Path) -> None:
    result = Commands({"data_dir": tmp_path}).run("sweep")
    assert result.returncode == 1
    assert "PLUMBLINE_REDIS_URL is not set" in result.stderr
    assert "plumbline up" in result.stderr


def test_audit_verify_when_somebody_changed_a_trail_then_names_the_first_broken_link_and_fails(
    commands: Commands, database: DatabaseUrls
) -> None:
    with build_container(load_settings(**commands.settings)) as container, container.uow_factory(None) as uow:
        club = accounts.create_organisation(uow=uow, name="Changed")
        uow.audit.record(actor=None, act=Act.TEAM_CREATED, organisation_id=club.id)
    whole = commands.run("audit", "verify")
    assert (whole.returncode, f"{club.id}: 2 records, whole, head " in whole.stdout) == (0, True)
    owner = create_engine(database.owner_url)
    with owner.begin() as connection:
        connection.execute(text("SELECT set_config('app.org_id', :id, true)"), {"id": str(club.id)})
        connection.execute(text("ALTER TABLE audit_entry DISABLE TRIGGER USER"))
        connection.execute(text("UPDATE audit_entry SET act = 'team.none' WHERE sequence = 2"))
    owner.dispose()
    head = re.search(rf"{club.id}: .* head (\w+)", whole.stdout)
    assert head is not None
    lost = commands.run("audit", "verify", "--head", head[1])
    assert (lost.returncode, f"no trail holds the head {head[1]}" in lost.stdout) == (1, True)
    broken = commands.run("audit", "verify", str(club.id))
    assert broken.returncode == 1
    assert broken.stdout.startswith(f"{club.id}: BROKEN at record 2: it was changed after it was written.")
