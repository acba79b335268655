"""The quick look at one file, in a process of its own: ``python -I -B -m app.media.probe_child PATH``.

Limits come first, then the libraries that will meet the file. What was found goes to standard output as JSON.
"""

import ctypes
import json
import resource
import signal
import sys
from dataclasses import asdict
from pathlib import Path

MEMORY_BYTES = 2 * 2**30
CPU_S = 20
OUTPUT_BYTES = 64 * 1024
FILES = 64
_PR_SET_PDEATHSIG, _PR_SET_NO_NEW_PRIVS = 1, 38


def confine() -> None:
    """Give up what a look at a file does not need; there is no way back."""
    # with the limit on file sizes, a bytecode file would be cut off and break everybody's next import
    sys.dont_write_bytecode = True
    for limit, value in (
        (resource.RLIMIT_AS, MEMORY_BYTES),
        (resource.RLIMIT_CPU, CPU_S),
        (resource.RLIMIT_FSIZE, OUTPUT_BYTES),
        (resource.RLIMIT_NOFILE, FILES),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(limit, (value, value))
    if sys.platform == "linux":
        libc = ctypes.CDLL(None)
        libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def look(path: Path) -> dict[str, object]:
    """Return what the file is, or why it is refused."""
    from app.media.facts import VideoRefusedError
    from app.media.headers import read_facts

    try:
        return {"facts": asdict(read_facts(path))}
    except VideoRefusedError as refusal:
        return {"refused": refusal.code, "details": refusal.facts}


def main() -> None:
    """Look at the file named on the command line."""
    confine()
    sys.stdout.write(json.dumps(look(Path(sys.argv[1]))))


if __name__ == "__main__":
    main()
