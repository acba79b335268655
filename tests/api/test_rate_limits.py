"""Counting who does what how often: shared through Valkey, in memory when it is away, and never in the way."""

import time

import pytest

from app.domain.errors import TooManyRequestsError
from app.http.rate_limits import SIGN_IN_BY_ACCOUNT, Rate, RateLimiter
from tests.support.valkey import ValkeyServer

TWICE = Rate.of("twice", "2 per minute")


def spend(limiter: RateLimiter, subject: str) -> None:
    for _ in range(2):
        limiter.hit(TWICE, subject)


def test_limit_when_spent_then_refused_with_advice_and_only_for_that_subject() -> None:
    limiter = RateLimiter(None)
    limiter.check(TWICE, "kim")
    spend(limiter, "kim")
    for refused in (limiter.hit, limiter.check):
        with pytest.raises(TooManyRequestsError) as refusal:
            refused(TWICE, "kim")
        assert refusal.value.how_to_fix == "Wait up to 60 seconds, then try again."
        assert refusal.value.context["retry_after_s"] == 60
    limiter.hit(TWICE, "alex")
    limiter.hit(SIGN_IN_BY_ACCOUNT, "kim")


def test_limit_when_only_checked_then_never_spent() -> None:
    limiter = RateLimiter(None)
    for _ in range(5):
        limiter.check(TWICE, "kim")
    spend(limiter, "kim")


def test_limit_when_valkey_is_there_then_shared_between_processes(redis_url: str) -> None:
    one, other = RateLimiter(redis_url), RateLimiter(redis_url)
    subject = f"kim-{time.monotonic_ns()}"
    spend(one, subject)
    with pytest.raises(TooManyRequestsError):
        other.hit(TWICE, subject)


def test_limit_when_valkey_dies_then_counted_in_memory_without_delay(valkey_server: ValkeyServer) -> None:
    limiter = RateLimiter(valkey_server.url)
    spend(limiter, "kim")
    valkey_server.kill()
    started = time.monotonic()
    spend(limiter, "kim")
    with pytest.raises(TooManyRequestsError):
        limiter.hit(TWICE, "kim")
    assert time.monotonic() - started < 2
