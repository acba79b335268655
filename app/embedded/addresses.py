"""How another command on this machine finds the servers of a stack that runs."""

import contextlib
import json
from pathlib import Path

from app.embedded.paths import StackPaths
from app.settings import Settings, load_settings

_FILE = "addresses.json"
_KEPT = ("database_url", "database_owner_url", "redis_url", "secret_key")


def write_addresses(paths: StackPaths, settings: Settings) -> None:
    """Note the addresses where only this user can read them."""
    values = {name: getattr(settings, name) for name in _KEPT}
    known = {name: value.get_secret_value() for name, value in values.items() if value is not None}
    known["public_url"] = (
        settings.base_url
    )  # what a command prints leads to the port that this stack listens on
    if settings.storage_url is not None:
        known["storage_url"] = settings.storage_url
    text = json.dumps(known)
    path = paths.data_dir / _FILE
    partial = path.with_suffix(".new")
    partial.unlink(missing_ok=True)
    partial.touch(mode=0o600)
    partial.write_text(text)
    partial.replace(path)


def forget_addresses(data_dir: Path) -> None:
    """Remove the note; the servers are stopping."""
    (data_dir / _FILE).unlink(missing_ok=True)


def with_running_stack(settings: Settings) -> Settings:
    """Return the settings with the addresses of a stack that runs on the data folder, where none were given."""
    found: dict[str, str] = {}
    with contextlib.suppress(OSError, ValueError):
        found = json.loads((settings.data_dir / _FILE).read_text())
    given = {name: getattr(settings, name) for name in settings.model_fields_set}
    return load_settings(**{**found, **given})
