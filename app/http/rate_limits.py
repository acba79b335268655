"""How often somebody may do something. Counts live in the broker's Redis; without it, in this process."""

import hashlib
import math
import time
from dataclasses import dataclass

import structlog
from limits import RateLimitItem, parse
from limits.errors import StorageError
from limits.storage import MemoryStorage, RedisStorage
from limits.strategies import SlidingWindowCounterRateLimiter

from app.domain.errors import TooManyRequestsError

_log = structlog.get_logger(__name__)
_RETRY_SHARED_AFTER_S = 30.0


@dataclass(frozen=True, slots=True)
class Rate:
    """A rule: what is counted, and how often it may happen."""

    name: str
    limit: RateLimitItem

    @classmethod
    def of(cls, name: str, limit: str) -> "Rate":
        """Return a rule from words such as ``10 per minute``."""
        return cls(name, parse(limit))


SIGN_IN_BY_ADDRESS = Rate.of("sign_in_address", "30 per minute")
SIGN_IN_BY_ACCOUNT = Rate.of("sign_in_account", "10 per 5 minutes")
"""Wrong passwords for one e-mail address, from wherever they come."""
SECOND_FACTOR_BY_ACCOUNT = Rate.of("second_factor", "5 per 15 minutes")
"""Wrong codes of one person, at whatever door."""
RESET_BY_ACCOUNT = Rate.of("reset_account", "3 per hour")
"""Links for a new password that are mailed to one e-mail address."""
RESET_BY_ADDRESS = Rate.of("reset_address", "20 per hour")
"""Those that are asked for from one network address."""
BAD_KEY_BY_ADDRESS = Rate.of("bad_key_address", "30 per minute")
"""Wrong API keys from one network address."""
UPLOADS = Rate.of("uploads", "120 per minute")
"""Per organisation: a whole team's clips at once still fit."""
REQUESTS = Rate.of("requests", "1200 per minute")
"""Per principal, for everything else."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowance:
    """How much of a rate is left."""

    limit: int
    remaining: int
    reset_s: int
    """Until then it is whole again."""

    def headers(self) -> dict[str, str]:
        """Return what a client is told of it."""
        return {
            "RateLimit-Limit": str(self.limit),
            "RateLimit-Remaining": str(self.remaining),
            "RateLimit-Reset": str(self.reset_s),
        }


class RateLimiter:
    """Counts in a sliding window. A broker that is away never stops work: counting goes on in memory."""

    def __init__(self, redis_url: str | None) -> None:
        """Use the Redis at the address, or only memory when there is none."""
        self._memory = SlidingWindowCounterRateLimiter(MemoryStorage())
        self._shared = None if redis_url is None else SlidingWindowCounterRateLimiter(_redis(redis_url))
        self._shared_again_at = 0.0

    def hit(self, rate: Rate, subject: str) -> None:
        """Count one; raise `TooManyRequestsError` when that is one too many."""
        if not self._count(rate, _key(subject)):
            raise _too_many(rate)

    def check(self, rate: Rate, subject: str) -> None:
        """Raise `TooManyRequestsError` when the next one would be too many, without counting."""
        if not self._test(rate, _key(subject)):
            raise _too_many(rate)

    def allowance(self, rate: Rate, subject: str) -> Allowance:
        """Return how much is left, without counting."""
        shared = self._usable()
        if shared is not None:
            try:
                return _allowance(shared, rate, _key(subject))
            except StorageError:
                self._lost()
        return _allowance(self._memory, rate, _key(subject))

    def _count(self, rate: Rate, key: str) -> bool:
        shared = self._usable()
        if shared is not None:
            try:
                return shared.hit(rate.limit, rate.name, key)
            except StorageError:
                self._lost()
        return self._memory.hit(rate.limit, rate.name, key)

    def _test(self, rate: Rate, key: str) -> bool:
        shared = self._usable()
        if shared is not None:
            try:
                return shared.test(rate.limit, rate.name, key)
            except StorageError:
                self._lost()
        return self._memory.test(rate.limit, rate.name, key)

    def _usable(self) -> SlidingWindowCounterRateLimiter | None:
        """Return the shared counter unless it failed a moment ago: a broker that is away must not slow us."""
        return self._shared if time.monotonic() >= self._shared_again_at else None

    def _lost(self) -> None:
        self._shared_again_at = time.monotonic() + _RETRY_SHARED_AFTER_S
        _log.warning("rate_limits_in_memory", retry_s=_RETRY_SHARED_AFTER_S)


def _allowance(strategy: SlidingWindowCounterRateLimiter, rate: Rate, key: str) -> Allowance:
    stats = strategy.get_window_stats(rate.limit, rate.name, key)
    return Allowance(
        limit=rate.limit.amount,
        remaining=max(0, stats.remaining),
        reset_s=max(0, math.ceil(stats.reset_time - time.time())),
    )


class _RedisStorage(RedisStorage):
    """With one client: the class itself loads valkey's as well, and uses one of the two."""

    STORAGE_SCHEME: list[str] = []  # noqa: RUF012  # as the base class has it; no name of its own, it is made here alone
    DEPENDENCIES = {"redis": None}  # noqa: RUF012  # as the base class has it


def _redis(url: str) -> RedisStorage:
    # `limits` spells a Unix socket its own way
    spelled = f"redis+{url}" if url.startswith("unix://") else url
    return _RedisStorage(
        spelled,
        wrap_exceptions=True,
        socket_connect_timeout=0.5,
        socket_timeout=0.5,
        key_prefix="plumbline-rate",
    )


def _key(subject: str) -> str:
    """Hide addresses and names: a broker's memory is no place for them."""
    return hashlib.sha256(subject.encode()).hexdigest()[:32]


def _too_many(rate: Rate) -> TooManyRequestsError:
    wait_s = rate.limit.get_expiry()
    return TooManyRequestsError(
        f"That is too often: at most {rate.limit} is allowed.",
        how_to_fix=f"Wait up to {wait_s} seconds, then try again.",
        retry_after_s=min(wait_s, 60),
    )
