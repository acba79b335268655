"""`plumbline up` and `plumbline demo`: the whole service on one machine."""

import threading
from pathlib import Path

from app.cli.terminal import note, say
from app.embedded.stack import Stack, run_stack
from app.settings import load_settings


def run_up() -> None:
    """Run the stack until Ctrl-C."""
    run_stack(load_settings(), say=note, on_ready=_show_address)


def run_demo(*, samples: Path | None, exit_when_done: bool) -> int:
    """Run the stack until Ctrl-C, the demo beside it: children may only be started by the main thread."""
    from app.cli.demo import show_demo

    failed: list[str] = []

    def start_demo(stack: Stack) -> None:
        order = {
            "settings": stack.settings, "samples": samples, "exit_when_done": exit_when_done, "failed": failed,
        }  # fmt: skip
        threading.Thread(target=show_demo, kwargs=order, name="demo", daemon=True).start()

    run_stack(load_settings(), say=note, on_ready=start_demo)
    return 1 if failed else 0


def _show_address(stack: Stack) -> None:
    say(f"Plumbline is at {stack.settings.base_url}   (Ctrl-C stops it)")
    say(
        "Make a user in another terminal: plumbline create-user you@your-club.example --organisation 'Your club'"
    )
