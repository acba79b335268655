"""Work beside the slots: one at a time of a kind, again when asked for meanwhile, whatever went wrong."""

import threading

from workers.beside import Beside


def test_work_when_asked_for_while_it_is_done_then_once_more_and_never_twice_at_once() -> None:
    beside = Beside("test", n_threads=4)
    started, go_on, done = threading.Event(), threading.Event(), threading.Semaphore(0)
    at_once: list[int] = []
    n_inside = 0

    def work() -> None:
        nonlocal n_inside
        n_inside += 1
        at_once.append(n_inside)
        started.set()
        assert go_on.wait(5)
        n_inside -= 1
        done.release()

    beside.do("one", work)
    assert started.wait(5)
    for _ in range(3):
        beside.do("one", work)
    go_on.set()
    assert done.acquire(timeout=5)
    assert done.acquire(timeout=5)
    beside.close()
    assert at_once == [1, 1]


def test_work_when_it_fails_then_the_next_is_done_all_the_same() -> None:
    beside = Beside("test", n_threads=1)
    done = threading.Event()

    def fail() -> None:
        raise OSError

    beside.do("one", fail)
    beside.do("two", done.set)
    assert done.wait(5)
    beside.close()


def test_work_when_closing_then_nothing_new_is_begun() -> None:
    beside = Beside("test", n_threads=1)
    assert beside.goes_on()
    beside.close()
    assert not beside.goes_on()
    done = threading.Event()
    beside.do("one", done.set)
    assert not done.wait(0.05)
