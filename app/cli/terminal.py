"""What the commands say, and where: results on standard output, everything else on standard error."""

import sys


def say(line: str) -> None:
    """Print a line of the result."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def note(line: str) -> None:
    """Tell the person at the terminal something that is not the result."""
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()
