"""docker-compose.yml, the Dockerfile and .env.example say what the settings and the command understand."""

import re
from pathlib import Path

import pytest
import typer.main
import yaml
from pydantic import SecretStr

from app.cli import app as cli
from app.settings import ENV_PREFIX, Environment, Settings

ROOT = Path(__file__).resolve().parents[2]
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES = COMPOSE["services"]
OURS = sorted(name for name, service in SERVICES.items() if "build" in service)
DOCKERFILE = (ROOT / "Dockerfile").read_text()
ENV_EXAMPLE = (ROOT / ".env.example").read_text()
EXAMPLES = dict(re.findall(r"(?m)^#?([A-Z0-9_]+)=(.*)$", ENV_EXAMPLE))
VARIABLES = {ENV_PREFIX + name.upper() for name in Settings.model_fields}
COMMANDS = set(typer.main.get_command(cli).commands)  # type: ignore[attr-defined]  # a group, as there are many
ONE_SHOT = {"migrate", "s3-folder"}
SAMPLE = "a-sample-value-that-is-long-enough-for-a-secret"


def environment(service: str) -> dict[str, str]:
    """Return the service's environment with every variable filled in as docker compose would."""

    def fill(match: re.Match[str]) -> str:
        return EXAMPLES.get(match["name"]) or (match["default"] or "" if match["kind"] == ":-" else SAMPLE)

    pattern = r"\$\{(?P<name>[A-Z0-9_]+)(?P<kind>:-|:\?)(?P<default>[^}]*)\}"
    return {
        name: re.sub(pattern, fill, str(value))
        for name, value in SERVICES[service].get("environment", {}).items()
    }


@pytest.mark.parametrize("service", OURS)
def test_compose_when_our_service_starts_then_every_variable_is_a_setting(service):
    assert environment(service).keys() <= VARIABLES


@pytest.mark.parametrize("service", ["api", "worker", "beat"])
def test_compose_when_filled_in_then_the_settings_accept_it(service):
    given = {
        name.removeprefix(ENV_PREFIX).lower(): value for name, value in environment(service).items() if value
    }
    settings = Settings.model_validate({**given, "data_dir": "/var/lib/plumbline"})
    assert settings.environment is Environment.PRODUCTION
    assert "@postgres:5432/plumbline" in settings.require_database_url()
    assert "@valkey:6379" in settings.require_redis_url()
    assert settings.base_url == "https://screen.example.org"


def test_compose_when_tables_are_migrated_then_only_then_the_owner_signs_in():
    owners = [name for name in OURS if ENV_PREFIX + "DATABASE_OWNER_URL" in environment(name)]
    assert owners == ["migrate"]
    for name in ("api", "worker"):
        assert SERVICES[name]["depends_on"]["migrate"] == {"condition": "service_completed_successfully"}


@pytest.mark.parametrize("service", sorted(SERVICES))
def test_compose_when_a_container_starts_then_it_may_do_little(service):
    described = SERVICES[service]
    assert described["read_only"] is True
    assert described["cap_drop"] == ["ALL"]
    assert described["security_opt"] == ["no-new-privileges:true"]
    assert described["mem_limit"]
    assert described["pids_limit"]
    assert "privileged" not in described
    assert ":latest" not in described.get("image", "")


@pytest.mark.parametrize("service", sorted(SERVICES))
def test_compose_when_a_container_runs_then_no_secret_stands_in_its_command_line(service):
    described = SERVICES[service]
    for line in (described.get("command", []), described.get("healthcheck", {}).get("test", [])):
        program = " ".join(line).partition("<<END")[0] if isinstance(line, list) else line
        assert not re.search(r"\$\S*(?:PASSWORD|SECRET|KEY)\b(?!\" valkey-cli)", program)


def test_compose_when_videos_are_decoded_then_the_worker_cannot_reach_the_internet():
    assert COMPOSE["networks"]["back"] == {"internal": True}
    exposed = {
        name
        for name, service in SERVICES.items()
        if "ports" in service or "front" in service.get("networks", [])
    }
    assert exposed == {"api"}


@pytest.mark.parametrize("service", sorted(set(SERVICES) - set(OURS) - ONE_SHOT))
def test_compose_when_a_part_is_not_ours_then_it_has_a_health_check(service):
    assert SERVICES[service]["healthcheck"]["test"]


@pytest.mark.parametrize("service", OURS)
def test_compose_when_our_service_starts_then_its_command_exists(service):
    target = SERVICES[service]["build"]["target"]
    stage = DOCKERFILE.split(f"AS {target}\n")[1]
    built_in = re.findall(r'(?m)^CMD \["plumbline", "(\w+)"', stage)[0]
    assert SERVICES[service].get("command", ["plumbline", built_in])[1] in COMMANDS


@pytest.mark.parametrize("target", ["api", "worker"])
def test_dockerfile_when_an_image_runs_then_it_is_an_ordinary_user_with_a_health_check(target):
    stage = DOCKERFILE.split(f"AS {target}\n")[1].split("\nFROM ")[0]
    assert re.findall(r"(?m)^USER (.+)$", stage) == ["10001:10001"]
    assert stage.count("HEALTHCHECK") == 1
    assert f"COPY --from={target}-packages /opt/plumbline" in stage


def test_dockerfile_when_packages_are_installed_then_by_hash_from_the_right_lock():
    installs = re.findall(r"pip install (?!--no-deps --no-index)(.+)", DOCKERFILE)
    assert [line.split()[:2] for line in installs] == [["--require-hashes", "--no-deps"]] * 3
    assert "-r requirements-api.lock" in DOCKERFILE.split("AS api-packages")[1].split("\nFROM ")[0]
    assert "-r requirements-worker.lock" in DOCKERFILE.split("AS worker-packages")[1].split("\nFROM ")[0]


def test_dockerfile_when_a_base_is_named_then_its_tag_is_exact():
    outside = [image for image in re.findall(r"(?m)^FROM (\S+)", DOCKERFILE) if ":" in image]
    assert outside
    assert all(re.search(r":\d+\.\d+\.\d+-", image) for image in outside)


def test_env_example_when_compared_with_the_settings_then_each_is_there_and_no_other():
    assert {name for name in EXAMPLES if name.startswith(ENV_PREFIX)} == VARIABLES


def test_env_example_when_read_then_every_variable_of_compose_is_there():
    text = (ROOT / "docker-compose.yml").read_text()
    assert set(re.findall(r"(?<!\$)\$\{([A-Z0-9_]+)", text)) <= EXAMPLES.keys()


def test_env_example_when_a_default_is_shown_then_it_is_the_default():
    numbers = {
        name: value
        for name, value in EXAMPLES.items()
        if name in VARIABLES and re.fullmatch(r"[\d.]+", value)
    }
    numbers.pop(ENV_PREFIX + "WORKER_CONCURRENCY")  # the default depends on the machine
    numbers.pop(ENV_PREFIX + "HOST")
    assert len(numbers) >= 8
    for name, value in numbers.items():
        assert float(value) == Settings.model_fields[name.removeprefix(ENV_PREFIX).lower()].default, name


def test_env_example_when_committed_then_no_secret_is_filled_in():
    secret = {
        ENV_PREFIX + name.upper()
        for name, field in Settings.model_fields.items()
        if field.annotation in (SecretStr, SecretStr | None) and not name.endswith("url")
    }
    secret |= {name for name in EXAMPLES if name.endswith("PASSWORD")}
    assert len(secret) >= 6
    assert [name for name in secret if EXAMPLES[name]] == []
