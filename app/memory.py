"""How much memory a process keeps that it does not use; only glibc can be told."""

import ctypes
import gc

_M_ARENA_MAX = -8
"""`mallopt`'s name for it, in malloc.h."""


def keep_few_arenas() -> None:
    """Let threads share two heaps: with one for each, every thread keeps its own freed memory. Call before threads start."""
    _tell_allocator("mallopt", _M_ARENA_MAX, 2)


def settle_memory() -> None:
    """Take what is loaded for granted from now on, and give back the rest. Call once everything is set up.

    Importing leaves tens of megabytes behind; and what it made need not be looked through for garbage ever again.
    """
    gc.collect()
    gc.freeze()
    give_back_memory()


def give_back_memory() -> None:
    """Return freed memory to the system."""
    _tell_allocator("malloc_trim", 0)


def _tell_allocator(function: str, *arguments: int) -> None:
    known = getattr(ctypes.CDLL(None), function, None)  # other C libraries do not have it, and do not need it
    if known is not None:
        known(*arguments)
