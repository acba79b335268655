from pathlib import Path

import pytest

from app.settings import DEVELOPMENT_SECRET_KEY, Settings, SettingsError, load_settings


@pytest.fixture(autouse=True)
def _no_settings_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for field in Settings.model_fields:
        monkeypatch.delenv(f"PLUMBLINE_{field.upper()}", raising=False)


def test_settings_when_nothing_is_set_then_one_machine_defaults_hold() -> None:
    settings = load_settings()
    assert settings.base_url == "http://127.0.0.1:8000"
    assert settings.blob_dir == settings.data_dir / "blobs"
    assert settings.staging_dir == settings.data_dir / "blobs" / ".staging"


@pytest.mark.parametrize("secret", [DEVELOPMENT_SECRET_KEY, "short"])
def test_settings_when_production_has_a_default_or_short_secret_then_refused_without_showing_it(
    secret: str,
) -> None:
    with pytest.raises(SettingsError) as refusal:
        load_settings(environment="production", secret_key=secret)
    assert "PLUMBLINE_SECRET_KEY" in str(refusal.value)
    assert secret not in str(refusal.value)


def test_settings_when_production_has_a_long_secret_then_accepted_and_hidden() -> None:
    settings = load_settings(environment="production", secret_key="x" * 48)
    assert "xxx" not in repr(settings)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PLUMBLINE_PORT", "70000"),
        ("PLUMBLINE_STORAGE_URL", "ftp://nowhere"),
        ("PLUMBLINE_LOG_LEVEL", "LOUD"),
        ("PLUMBLINE_MAX_ATTEMPTS", "0"),
        ("PLUMBLINE_ENVIRONMENT", "staging"),
    ],
)
def test_settings_when_a_value_makes_no_sense_then_the_error_names_the_variable(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError, match=name):
        load_settings()


def test_settings_when_the_database_is_missing_then_says_what_to_set() -> None:
    with pytest.raises(SettingsError, match="PLUMBLINE_DATABASE_URL is not set"):
        load_settings().require_database_url()


def test_settings_when_videos_are_in_s3_then_uploads_are_received_in_the_data_folder(tmp_path: Path) -> None:
    settings = load_settings(storage_url="s3://bucket/clips", data_dir=tmp_path)
    assert settings.blob_dir is None
    assert settings.staging_dir == tmp_path / "staging"


def test_settings_when_the_video_folder_has_a_space_then_its_path_is_understood(tmp_path: Path) -> None:
    folder = tmp_path / "club videos"
    assert load_settings(storage_url=folder.as_uri()).blob_dir == folder


def test_settings_when_shown_then_every_one_says_what_it_is_for() -> None:
    assert [name for name, field in Settings.model_fields.items() if not field.description] == []
