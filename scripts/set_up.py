#!/usr/bin/env python3
"""Make a fresh checkout ready to run: .venv from the hashed lock, this project, and the system libraries.

Standard library only and written for any Python 3, because it runs before anything is installed. It writes
inside the checkout alone; system packages go through apt-get, where that is allowed. A second run with
nothing to do takes a fraction of a second. What it prints when something is wrong is what to type next.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import BinaryIO

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
STAMP = VENV / "set-up.json"
UNFINISHED = VENV / "set-up-unfinished"
CACHE = ROOT / ".cache"
LOG = CACHE / "set-up.log"
BROWSERS = VENV / "browsers"

OLDEST_PYTHON = (3, 11)
NEWER_PYTHONS = ("python3.13", "python3.12", "python3.11", "python3.14")
ROOM_NEEDED_MB = {"run": 1600, "test": 2200}
"""Free space a set-up from nothing takes, downloads included."""

POSE_LIBRARIES = {"libEGL.so.1": "libegl1", "libGLESv2.so.2": "libgles2"}
"""What MediaPipe links against and a server has not: library -> Debian package."""
POSE_PACKAGES_UNPACKED = ("libegl1", "libgles2", "libglvnd0")
BROWSER_PACKAGES = ["chromium", "libatomic1"]
"""Debian packages of the browser tests; the second is for the Node that drives the first."""
CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FETCHED_NAMES = {"chrome", "headless_shell", "chrome-headless-shell"}

NETWORK_SIGNS = re.compile(
    r"name resolution|Name or service not known|NewConnectionError|Connection refused|ConnectTimeout|"
    r"ReadTimeout|from versions: none|Network is unreachable|ProxyError|SSLError|Connection reset|Max retries exceeded",
)


class SetUpError(Exception):
    """The set-up cannot go on; the text says why and what to do next."""


# -- small parts ---------------------------------------------------------------------------------------------


def say(text: str) -> None:
    """Print at once, so that the lines stand in order with those of the programs started here."""
    print(text, flush=True)


def checksum(*paths: Path) -> str:
    """Return one SHA-256 over the files."""
    digest = hashlib.sha256()
    for path in paths:
        digest.update(path.read_bytes())
    return digest.hexdigest()


def tail_of_log(n_lines: int = 12) -> str:
    """Return the end of what the last program said."""
    lines = LOG.read_text(errors="replace").splitlines() if LOG.exists() else []
    return "\n".join("  | " + line[:160] for line in lines[-n_lines:])


def run_logged(command: list[str], *, env: dict[str, str] | None = None, timeout_s: float = 1800) -> int:
    """Run a program with its output in the log; return its exit code, 124 when it took too long."""
    with LOG.open("ab") as log:
        try:
            return subprocess.run(
                command,
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                env=env,
                timeout=timeout_s,
                check=False,
            ).returncode
        except subprocess.TimeoutExpired:
            return 124
        except OSError as error:
            log.write(str(error).encode())
            return 127


def check_room(purpose: str) -> None:
    """Refuse before the download when the disk would run full in the middle of it."""
    free_mb = shutil.disk_usage(ROOT).free // 2**20
    if free_mb < ROOM_NEEDED_MB[purpose]:
        raise SetUpError(
            f"The disk is (nearly) full: {ROOT} has {free_mb} MB free and the set-up needs about {ROOM_NEEDED_MB[purpose]} MB.\n"
            "Make room there, then type the same command again."
        )


# -- Python ---------------------------------------------------------------------------------------------------


def use_a_python_that_fits() -> None:
    """Start again under a newer Python when this one is too old; say what to install when there is none."""
    if sys.version_info[:2] >= OLDEST_PYTHON:
        return
    for name in NEWER_PYTHONS:
        path = shutil.which(name)
        if path and run_logged([path, "--version"], timeout_s=20) == 0:
            os.execv(path, [path, *sys.argv])  # noqa: S606  # the same script, the newer interpreter
    raise SetUpError(
        "Plumbline needs Python {}.{} or newer and this is {}.{}.\n"
        "Install a newer one (Debian 12, Ubuntu: apt-get install python3 python3-venv; Ubuntu 22.04: "
        "python3.11 python3.11-venv), then type the same command again.\n"
        "Another interpreter can be named: make PYTHON=/path/to/python3 run".format(
            *OLDEST_PYTHON, *sys.version_info
        )
    )


def make_venv() -> None:
    """Create .venv; install python3-venv first where it is missing and that is allowed."""
    say(f"Creating .venv with Python {sys.version.split()[0]} …")
    shutil.rmtree(VENV, ignore_errors=True)
    command = [sys.executable, "-m", "venv", str(VENV)]
    if run_logged(command) != 0 or not works(PYTHON):
        package = "python{}.{}-venv".format(*sys.version_info)
        if not apt_install(["python3-venv", package], why="Python's venv module"):
            raise SetUpError(
                "Python could not create a virtual environment:\n"
                + tail_of_log()
                + f"\nOn Debian and Ubuntu the module is a package of its own. Type:\n  {as_root()}apt-get install python3-venv"
            )
        shutil.rmtree(VENV, ignore_errors=True)
        if run_logged(command) != 0:
            raise SetUpError("Python could not create a virtual environment:\n" + tail_of_log())
    UNFINISHED.touch()


def works(python: Path) -> bool:
    """Say whether this interpreter starts and has pip."""
    return run_logged([str(python), "-m", "pip", "--version"], timeout_s=60) == 0


def read_stamp() -> dict[str, str]:
    """Return what was installed, or nothing when the set-up did not finish."""
    try:
        stamp = json.loads(STAMP.read_text())
    except (OSError, ValueError):
        return {}
    return stamp if isinstance(stamp, dict) else {}


def install_python_packages(purpose: str) -> None:
    """Bring .venv to what the lock says; nothing to do when the checksums are those of the last time."""
    lock, build_lock = ROOT / "requirements.lock", ROOT / "requirements-build.lock"
    dev_lock = ROOT / "requirements-dev.lock"
    wanted = {
        "place": str(ROOT),
        "run": checksum(lock, build_lock),
        "project": checksum(ROOT / "pyproject.toml"),
    }
    if purpose == "test":
        wanted["test"] = checksum(dev_lock)
    stamp = read_stamp()
    if not UNFINISHED.exists() and PYTHON.exists() and wanted.items() <= stamp.items():
        return

    LOG.unlink(missing_ok=True)
    if UNFINISHED.exists():
        say("The last set-up was interrupted; starting .venv afresh.")
    if UNFINISHED.exists() or stamp.get("place", str(ROOT)) != str(ROOT) or not works(PYTHON):
        check_room(purpose)
        make_venv()
        stamp = {}
    UNFINISHED.touch()
    locks = [build_lock, lock] if purpose == "run" else [dev_lock]
    if stamp.get(purpose) != wanted[purpose]:
        install_locked(locks)
    install_project()
    carried = {
        key: value for key, value in stamp.items() if key == "test" and stamp.get("run") == wanted["run"]
    }
    STAMP.write_text(json.dumps({**carried, **wanted}, indent=1) + "\n")
    UNFINISHED.unlink()
    shutil.rmtree(CACHE / "pip", ignore_errors=True)


def pip_environment() -> dict[str, str]:
    """Return an environment in which pip keeps to the checkout and still uses the caller's index and proxy."""
    (CACHE / "tmp").mkdir(parents=True, exist_ok=True)
    return {
        **os.environ,
        "PIP_CACHE_DIR": os.environ.get("PIP_CACHE_DIR", str(CACHE / "pip")),
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PIP_NO_INPUT": "1",
        "PIP_ROOT_USER_ACTION": "ignore",
        "TMPDIR": str(CACHE / "tmp"),
    }


def install_locked(locks: list[Path]) -> None:
    """Install exactly what the locks name, by hash."""
    n_packages = len({name for lock in locks for name in re.findall(r"(?m)^[\w.-]+(?===)", lock.read_text())})
    say(f"Installing {n_packages} Python packages into .venv (once; a minute or three) …")
    command = [str(PYTHON), "-m", "pip", "install", "--require-hashes", "--no-deps", "--no-compile"]
    command += ["--progress-bar", "off"]
    for lock in locks:
        command += ["-r", str(lock)]
    started = time.monotonic()
    pip = subprocess.Popen(
        command,
        env=pip_environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    with LOG.open("ab") as log:
        unpacking = show_progress(pip, log, n_packages)
    if pip.returncode != 0:
        if not unpacking:
            UNFINISHED.unlink()  # nothing was changed yet, so .venv is as good as before
        raise SetUpError(why_pip_failed())
    say(f"  done in {time.monotonic() - started:.0f} s")


def show_progress(pip: subprocess.Popen[bytes], log: BinaryIO, n_packages: int) -> bool:
    """Copy pip's output to the log and say how far it is, every few seconds; True once it began to unpack."""
    n_seen, last, unpacking = 0, time.monotonic(), False
    for line in pip.stdout or ():
        log.write(line)
        n_seen += line.startswith((b"Collecting ", b"Requirement already satisfied"))
        if line.startswith(b"Installing collected packages"):
            say("  unpacking …")
            unpacking = True
        elif not unpacking and time.monotonic() - last > 5:
            last = time.monotonic()
            say(f"  {n_seen} of {n_packages} fetched")
    pip.wait()
    return unpacking


def why_pip_failed() -> str:
    """Turn what pip said into what to do."""
    said = LOG.read_text(errors="replace")
    again = "Then type the same command again; what was already downloaded is kept."
    if "No space left on device" in said:
        return f"The disk ran full while installing into {VENV}.\nMake room there. {again}"
    if "DO NOT MATCH THE HASHES" in said:
        return (
            "A downloaded package is not the one the lock file names, so nothing was installed:\n"
            + tail_of_log()
            + "\nTry again; if it stays, the package index or a proxy in between changes files."
        )
    if NETWORK_SIGNS.search(said):
        return (
            "The Python package index could not be reached.\n"
            "Check the connection. Behind a proxy set HTTPS_PROXY; with a mirror of your own set PIP_INDEX_URL.\n"
            f"{again}\nThe whole log: {LOG}"
        )
    return f"pip could not install the packages:\n{tail_of_log()}\nThe whole log: {LOG}"


def install_project() -> None:
    """Install this checkout itself, editable, with the build backend from the lock."""
    command = [str(PYTHON), "-m", "pip", "install", "-q", "--no-deps", "--no-build-isolation", "--no-index"]
    if run_logged([*command, "-e", str(ROOT)], env=pip_environment()) != 0:
        raise SetUpError(why_pip_failed())


# -- system packages --------------------------------------------------------------------------------------------


def as_root() -> str:
    """Return what an ordinary user puts before a command of the system."""
    return "" if os.geteuid() == 0 else "sudo "


def apt_prefix() -> list[str] | None:
    """Return how apt-get may be started here, or None where it may not."""
    if not shutil.which("apt-get") or os.environ.get("PLUMBLINE_NO_APT"):
        return None
    if os.geteuid() == 0:
        return []
    if shutil.which("sudo") and run_logged(["sudo", "-n", "true"], timeout_s=20) == 0:
        return ["sudo", "-n"]
    return None


def apt_install(packages: list[str], *, why: str) -> bool:
    """Install Debian packages where that is allowed; say so first. False where it is not, or fails."""
    prefix = apt_prefix()
    if prefix is None:
        return False
    say(f"Installing {why} with apt-get: {' '.join(packages)} …")
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    apt = [*prefix, "apt-get", "-o", "DPkg::Lock::Timeout=120"]
    install = [*apt, "install", "-y", "--no-install-recommends", *packages]
    return run_logged(install, env=env) == 0 or (
        run_logged([*apt, "update"], env=env) == 0 and run_logged(install, env=env) == 0
    )


def pose_library_path() -> Path | None:
    """Return MediaPipe's shared library, once it is installed."""
    return next(VENV.glob("lib/python3.*/site-packages/mediapipe/tasks/c/libmediapipe.so"), None)


def missing_pose_libraries() -> list[str]:
    """Return the system libraries without which MediaPipe does not load; asked of a process of its own."""
    script = (
        "import ctypes, sys\n"
        "for name in sys.argv[2:]:\n"
        "    try: ctypes.CDLL(name)\n"
        "    except OSError: print(name)\n"
    )
    names = list(POSE_LIBRARIES)
    out = subprocess.run(
        [str(PYTHON), "-I", "-c", script, "-", *names], capture_output=True, text=True, check=False
    )
    return out.stdout.split()


def pose_library_loads() -> bool:
    """Say whether MediaPipe's library finds all it links against."""
    path = pose_library_path()
    return (
        path is None
        or run_logged([str(PYTHON), "-I", "-c", f"import ctypes; ctypes.CDLL({str(path)!r})"]) == 0
    )


def unpack_pose_libraries() -> bool:
    """Without root: fetch the three small packages and lay them where MediaPipe looks first, inside .venv.

    libmediapipe.so carries an RPATH relative to itself; a library found there serves without any environment
    variable, so it works in the sandbox too.
    """
    library = pose_library_path()
    if library is None or not shutil.which("apt-get") or not shutil.which("dpkg-deb"):
        return False
    rpath = re.search(rb"\$ORIGIN/(\.\./[^:\0]+)", library.read_bytes())
    if rpath is None:
        return False
    say("Fetching MediaPipe's two system libraries into .venv (no root needed) …")
    place = Path(os.path.normpath(library.parent / os.fsdecode(rpath.group(1))))
    work = CACHE / "debs"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    with contextlib.chdir(work):
        if run_logged(["apt-get", "download", *POSE_PACKAGES_UNPACKED], timeout_s=180) != 0:
            return False
        for package in sorted(work.glob("*.deb")):
            run_logged(["dpkg-deb", "-x", str(package), str(work / "root")])
    place.mkdir(parents=True, exist_ok=True)
    for path in (work / "root").rglob("lib*.so.*"):
        shutil.copy(path, place / path.name)
    shutil.rmtree(work)
    return True


def install_pose_libraries() -> None:
    """See to it that MediaPipe can load, or say exactly what is missing."""
    missing = missing_pose_libraries()
    if not missing or pose_library_loads():
        return
    packages = [POSE_LIBRARIES[name] for name in missing]
    if not apt_install(packages, why="the system libraries MediaPipe needs") and not unpack_pose_libraries():
        raise SetUpError(
            f"MediaPipe, which finds the joints, needs system libraries that are not here: {', '.join(missing)}.\n"
            f"Type:\n  {as_root()}apt-get update && {as_root()}apt-get install -y --no-install-recommends "
            f"{' '.join(packages)}\nthen the same command again."
        )
    if not pose_library_loads():
        raise SetUpError(
            "MediaPipe, which finds the joints, does not start on this machine:\n" + tail_of_log(4)
        )


# -- Chromium ---------------------------------------------------------------------------------------------------


def find_chromium() -> str | None:
    """Return the Chromium that the browser tests use; tests/chromium.py looks in the same places."""
    named = os.environ.get("PLUMBLINE_CHROMIUM")
    if named is not None:
        return named if Path(named).exists() else None
    on_path = next((path for path in map(shutil.which, CHROMIUM_NAMES) if path), None)
    fetched = sorted(path for path in BROWSERS.glob("chromium*/*/*") if path.name in FETCHED_NAMES)
    return on_path or (str(fetched[-1]) if fetched else None)


def can_drive_chromium() -> bool:
    """Say whether Chromium and Playwright's driver are here and start: a download may lack system libraries."""
    chromium = find_chromium()
    return (
        chromium is not None
        and run_logged([chromium, "--version"], timeout_s=60) == 0
        and run_logged([str(PYTHON), "-m", "playwright", "--version"], timeout_s=60) == 0
    )


def install_chromium() -> None:
    """Install Chromium for the browser tests where that is allowed; otherwise say what will not be tested."""
    if can_drive_chromium():
        return
    if os.environ.get("PLUMBLINE_CHROMIUM") is None:
        if apt_install(BROWSER_PACKAGES, why="Chromium for the browser tests") and can_drive_chromium():
            return
        if fetch_chromium():
            return
    say(
        "Chromium is not here and could not be installed, so the browser tests (marked `browser`) cannot run;\n"
        "every other test runs. To run them too, type:\n"
        f"  {as_root()}apt-get update && {as_root()}apt-get install -y --no-install-recommends "
        + " ".join(BROWSER_PACKAGES)
    )


def fetch_chromium() -> bool:
    """Fetch Playwright's own build into .venv, for machines whose apt has no Chromium or gives no right to it."""
    say("Fetching Chromium with Playwright into .venv …")
    with_deps = ["--with-deps"] if os.geteuid() == 0 and apt_prefix() is not None else []
    command = [str(PYTHON), "-m", "playwright", "install", *with_deps, "--only-shell", "chromium"]
    env = {**os.environ, "PLAYWRIGHT_BROWSERS_PATH": str(BROWSERS)}
    return run_logged(command, env=env, timeout_s=300) == 0 and can_drive_chromium()


# -- the whole --------------------------------------------------------------------------------------------------


def set_up(purpose: str) -> None:
    """Do it all, one process at a time."""
    with Path(__file__).open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        install_python_packages(purpose)
        install_pose_libraries()
        if purpose == "test":
            install_chromium()
        shutil.rmtree(CACHE / "tmp", ignore_errors=True)


def main() -> int:
    """Set up for `run` or `test`; exit 1 with a plain message when that is not possible."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "purpose", choices=["run", "test"], help="run: what the service needs; test: all of it"
    )
    purpose = parser.parse_args().purpose
    try:
        CACHE.mkdir(exist_ok=True)
        use_a_python_that_fits()
        set_up(purpose)
    except SetUpError as error:
        sys.stderr.write(f"\nSet-up stopped. {error}\n")
        return 1
    except OSError as error:
        sys.stderr.write(f"\nSet-up stopped. {why_the_system_refused(error)}\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("\nSet-up interrupted; the same command takes it up again.\n")
        return 130
    return 0


def why_the_system_refused(error: OSError) -> str:
    """Turn an error of the system into what to do."""
    where = error.filename or ROOT
    if error.errno in {28, 122}:  # ENOSPC, EDQUOT
        return f"The disk is full ({where}). Make room there, then type the same command again."
    if error.errno in {1, 13, 30}:  # EPERM, EACCES, EROFS
        return (
            f"This user may not write {where}. Use a checkout that belongs to you "
            "(a .venv made as root blocks other users: remove it as root first)."
        )
    return str(error)


if __name__ == "__main__":
    sys.exit(main())
