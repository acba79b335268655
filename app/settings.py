"""Every setting of Plumbline: read once from the environment, checked, then passed on.

Method parameters (cut-offs, filters, weights) are not settings: they belong to the method's version.
"""

import os
from email.utils import parseaddr
from enum import StrEnum
from pathlib import Path
from typing import Self
from urllib.parse import unquote, urlsplit

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from app.domain.quotas import Quotas
from app.mail.smtp import SmtpSecurity
from app.pose.bundle import PoseEngine

DEVELOPMENT_SECRET_KEY = "development-only-secret-key-never-use-it-elsewhere"  # noqa: S105  # refused in production
MIN_SECRET_LENGTH = 32
ENV_PREFIX = "PLUMBLINE_"
_MB = 1024 * 1024


class Environment(StrEnum):
    """Where this process runs."""

    DEVELOPMENT = "development"
    """One machine, defaults allowed."""
    PRODUCTION = "production"
    """Default secrets are refused."""


class SettingsError(Exception):
    """A setting is missing or wrong; the message says which and what to do."""


def default_data_dir() -> Path:
    """Return ``.plumbline`` in a checkout, else the user's data folder."""
    checkout = Path(__file__).resolve().parent.parent
    if (checkout / "pyproject.toml").is_file():
        return checkout / ".plumbline"
    home = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return Path(home) / "plumbline"


def _default_concurrency() -> int:
    """Return half the cores, at least one: a pose process keeps about two busy."""
    return max(1, (os.cpu_count() or 2) // 2)


def _default_threads(n_videos: int) -> int:
    """Return the cores that each of so many videos at once may have."""
    return max(1, (os.cpu_count() or 1) // n_videos)


class Settings(BaseSettings):
    """All settings, each read from ``PLUMBLINE_`` and its name in capitals."""

    model_config = SettingsConfigDict(
        env_prefix=ENV_PREFIX, env_ignore_empty=True, frozen=True, extra="forbid", hide_input_in_errors=True
    )

    environment: Environment = Field(
        Environment.DEVELOPMENT,
        description="`development` or `production`; production refuses default secrets.",
    )
    data_dir: Path = Field(
        default_factory=default_data_dir,
        description="Folder for everything kept on this machine: uploads being received, and with `plumbline up`"
        " the database, the queue and the videos.",
    )
    database_url: SecretStr | None = Field(
        None,
        description="PostgreSQL, as the role that obeys row-level security:"
        " postgresql+psycopg://plumbline_app:…@host/plumbline. Unset: `plumbline up` starts its own.",
    )
    database_owner_url: SecretStr | None = Field(
        None, description="PostgreSQL, as the role that owns the tables; used by `plumbline migrate` alone."
    )
    redis_url: SecretStr | None = Field(
        None,
        description="Redis or Valkey: redis://…, rediss://… or unix:///path/to/socket."
        " Unset: `plumbline up` starts its own.",
    )
    storage_url: str | None = Field(
        None,
        description="Where videos are kept: file:///folder or s3://bucket/prefix. Unset: a folder in data_dir.",
    )
    s3_endpoint_url: str | None = Field(
        None, description="Endpoint of an S3-compatible store other than AWS."
    )
    s3_region: str | None = Field(None, description="Region of the bucket.")
    s3_access_key_id: str | None = Field(None, description="S3 key; unset: the machine's own AWS identity.")
    s3_secret_access_key: SecretStr | None = Field(None, description="S3 secret that belongs to the key.")
    secret_key: SecretStr = Field(
        SecretStr(DEVELOPMENT_SECRET_KEY),
        description="Signs form tokens and media links and seals stored secrets; at least 32 random characters in production.",
    )
    public_url: str | None = Field(
        None,
        description="Address users type, for example https://screen.example.org. Unset: http://host:port.",
    )
    host: str = Field("127.0.0.1", description="Address the api listens on.")
    port: int = Field(8000, ge=1, le=65535, description="Port the api listens on.")
    max_upload_bytes: int = Field(500 * _MB, gt=0, description="Largest video accepted, in bytes.")
    max_duration_s: float = Field(60.0, gt=0, description="Longest video accepted, in seconds.")
    min_free_bytes: int = Field(
        512 * _MB, ge=0, description="Uploads are refused when less room than this would be left on the disk."
    )
    upload_expires_s: float = Field(
        24 * 3600.0,
        gt=0,
        description="An announced or half uploaded video is waited for so long after the last byte, in seconds.",
    )
    quota_stored_bytes: int | None = Field(
        None, ge=0, description="Bytes of original videos an organisation may keep. Unset: no limit."
    )
    quota_recordings_a_month: int | None = Field(
        None, ge=0, description="Videos an organisation may send in a month. Unset: no limit."
    )
    quota_open_uploads: int | None = Field(
        500, ge=0, description="Videos an organisation may have announced and not sent yet."
    )
    worker_concurrency: int = Field(
        default_factory=_default_concurrency, ge=1, description="Videos one worker analyses at the same time."
    )
    lease_s: float = Field(
        30.0,
        gt=0,
        description="A worker that shows no sign of life for this long loses its recording to another.",
    )
    sweep_interval_s: float = Field(
        10.0, gt=0, description="How often lost and unsent recordings are looked for, in seconds."
    )
    max_attempts: int = Field(3, ge=1, description="Attempts before a recording counts as failed.")
    job_timeout_s: float = Field(
        600.0, gt=0, description="A recording that takes longer is stopped, in seconds."
    )
    pose_model: Path | None = Field(
        None,
        description="Another pose landmarker bundle (lite, heavy). Unset: the full model in the package.",
    )
    pose_engine: PoseEngine = Field(
        PoseEngine.LITERT,
        description="What runs the pose networks: `litert`, or `mediapipe`, slower by half, with the same landmarks.",
    )
    pose_threads: int = Field(
        default_factory=lambda values: _default_threads(values["worker_concurrency"]),
        ge=1,
        description="Cores one video may keep busy. Unset: the cores, shared among the videos analysed at once.",
    )
    smtp_host: str | None = Field(
        None,
        description="Mail server for invitations, forgotten passwords and notices. Unset: nothing is mailed,"
        " links are shown to be handed over.",
    )
    smtp_port: int = Field(587, ge=1, le=65535, description="Port of the mail server.")
    smtp_security: SmtpSecurity = Field(
        SmtpSecurity.STARTTLS,
        description="`starttls`, `tls` (usually port 465), or `none` for a relay on the same machine.",
    )
    smtp_user: str | None = Field(None, description="Who signs in at the mail server; unset: nobody does.")
    smtp_password: SecretStr | None = Field(None, description="Password that belongs to the user.")
    mail_from: str | None = Field(
        None,
        description="Sender of every letter, for example Plumbline <noreply@screen.example.org>;"
        " needed with a mail server.",
    )
    webhook_private_targets: bool = Field(
        False,
        description="Let webhooks also go to http:// and to addresses that are not on the public internet:"
        " for a receiver in your own network.",
    )
    provider_private_targets: bool = Field(
        False,
        description="Let organisations also name identity providers by http:// and at addresses that are not on the"
        " public internet: for one in your own network.",
    )
    log_level: str = Field("INFO", description="DEBUG, INFO, WARNING or ERROR.")

    @field_validator("data_dir")
    @classmethod
    def _absolute(cls, value: Path) -> Path:
        return value.expanduser().absolute()

    @field_validator("log_level")
    @classmethod
    def _known_level(cls, value: str) -> str:
        if value.upper() not in {"DEBUG", "INFO", "WARNING", "ERROR"}:
            msg = "must be DEBUG, INFO, WARNING or ERROR"
            raise ValueError(msg)
        return value.upper()

    @field_validator("storage_url")
    @classmethod
    def _known_storage(cls, value: str | None) -> str | None:
        if value is not None and not value.startswith(("file:///", "s3://")):
            msg = "must start with file:/// or s3://"
            raise ValueError(msg)
        return value

    @field_validator("mail_from")
    @classmethod
    def _one_sender(cls, value: str | None) -> str | None:
        if value is not None and ("@" not in parseaddr(value)[1] or not value.isprintable()):
            msg = "must be an address, or a name and an address in angle brackets"
            raise ValueError(msg)
        return value

    @model_validator(mode="after")
    def _mail_has_a_sender(self) -> Self:
        if self.smtp_host is not None and self.mail_from is None:
            msg = "PLUMBLINE_MAIL_FROM must be set with PLUMBLINE_SMTP_HOST"
            raise ValueError(msg)
        return self

    @model_validator(mode="after")
    def _no_default_secrets_in_production(self) -> Self:
        if self.environment is not Environment.PRODUCTION:
            return self
        secret = self.secret_key.get_secret_value()
        if secret == DEVELOPMENT_SECRET_KEY or len(secret) < MIN_SECRET_LENGTH:
            msg = (
                f"PLUMBLINE_SECRET_KEY must be at least {MIN_SECRET_LENGTH} random characters in production;"
                " make one with: python3 -c 'import secrets; print(secrets.token_urlsafe(48))'"
            )
            raise ValueError(msg)
        return self

    @property
    def quotas(self) -> Quotas:
        """What an organisation may have, unless something else was set for it."""
        return Quotas(
            stored_bytes=self.quota_stored_bytes,
            recordings_a_month=self.quota_recordings_a_month,
            open_uploads=self.quota_open_uploads,
        )

    @property
    def base_url(self) -> str:
        """The address users type, without a slash at the end."""
        host = {"0.0.0.0": "localhost", "::": "localhost"}.get(self.host, self.host)  # noqa: S104  # shown, not bound
        host = f"[{host}]" if ":" in host else host
        return (self.public_url or f"http://{host}:{self.port}").rstrip("/")

    @property
    def blob_url(self) -> str:
        """Where videos are kept, the default filled in."""
        return self.storage_url or (self.data_dir / "blobs").as_uri()

    @property
    def staging_dir(self) -> Path:
        """Where uploads are received; inside the folder of the videos when those are local, so that moving is free."""
        local = self.blob_dir
        return self.data_dir / "staging" if local is None else local / ".staging"

    @property
    def partials_dir(self) -> Path:
        """Where files that come in pieces wait for the rest; beside `staging_dir`, on the same disk."""
        local = self.blob_dir
        return self.data_dir / "uploads" if local is None else local / ".uploads"

    @property
    def blob_dir(self) -> Path | None:
        """The folder of the videos, or None when they are kept elsewhere."""
        url = self.blob_url
        return Path(unquote(urlsplit(url).path)) if url.startswith("file:") else None

    def require_database_url(self) -> str:
        """Return the database's address, or say what to set."""
        return _required("PLUMBLINE_DATABASE_URL", self.database_url)

    def require_owner_url(self) -> str:
        """Return the database's address for migrations, or say what to set."""
        return _required("PLUMBLINE_DATABASE_OWNER_URL", self.database_owner_url)

    def require_redis_url(self) -> str:
        """Return the broker's address, or say what to set."""
        return _required("PLUMBLINE_REDIS_URL", self.redis_url)


def load_settings(**overrides: object) -> Settings:
    """Read the environment; raise `SettingsError` in plain words, without any value that was set."""
    try:
        return Settings(**overrides)  # type: ignore[arg-type]  # pydantic checks the overrides
    except ValidationError as error:
        problems = [_problem(part["loc"], part["msg"]) for part in error.errors(include_input=False)]
        raise SettingsError("\n".join(problems)) from None


def _problem(location: tuple[int | str, ...], message: str) -> str:
    text = message.removeprefix("Value error, ")
    return f"{ENV_PREFIX}{str(location[0]).upper()}: {text}" if location else text


def _required(name: str, value: SecretStr | None) -> str:
    if value is None:
        msg = f"{name} is not set. Set it, or run `plumbline up`, which starts a database and a queue of its own."
        raise SettingsError(msg)
    return value.get_secret_value()
