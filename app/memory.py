"""How much memory a process keeps that it does not use; only glibc can be told."""

import ctypes
import gc

_M_ARENA_MAX, _M_MMAP_THRESHOLD = -8, -3
"""`mallopt`'s names for them, in malloc.h."""
_LARGE_BYTES = 256 * 1024


def keep_heap_small() -> None:
    """Let threads share two heaps, and give large pieces back the moment they are freed. Call before threads start.

    Otherwise every thread keeps the memory it once needed, and a page of 4 MB of JSON stays for good.
    """
    _tell_allocator("mallopt", _M_ARENA_MAX, 2)
    _tell_allocator("mallopt", _M_MMAP_THRESHOLD, _LARGE_BYTES)


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
