"""Run as a script, becomes the program it is told to run, as another user if asked, and dies with its parent.

It imports nothing of ours and little of Python, so that it adds milliseconds. Usage:
``launch.py PARENT_PID DEATH_SIGNAL UID GID PROGRAM ARGUMENT...``; UID -1 keeps the user.
"""

import ctypes  # before the user changes: Python's own files may lie where only root can read
import os
import sys

PR_SET_PDEATHSIG = 1


def main(arguments: list[str]) -> None:
    """Drop privileges, tie our life to the parent's, then become the program."""
    parent_pid, death_signal, uid, gid = (int(value) for value in arguments[:4])
    if uid >= 0:
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)
    if sys.platform == "linux":  # after setuid, which would clear it
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, death_signal, 0, 0, 0)
    if os.getppid() != parent_pid:  # the parent died before we were tied to it
        sys.exit(1)
    os.execv(arguments[4], arguments[4:])  # noqa: S606  # the supervisor chose the program; no shell is wanted


if __name__ == "__main__":
    main(sys.argv[1:])
