from __future__ import annotations

import pytest

from data_juicer.engine.scheduling.failures.retry import DELAY_S_MAX, RetryPolicy


@pytest.mark.parametrize(
    ("backoff", "expected"),
    [("exponential", [1, 2, 4, 8, 16, 32, 60, 60]), ("linear", [1, 2, 3, 4, 5, 6, 7, 8]), ("fixed", [1] * 8)],
)
def test_delays_grow_as_asked_within_a_tenth(backoff: str, expected: list[float]) -> None:
    policy = RetryPolicy(retries_max=9, backoff=backoff, seed=5)  # type: ignore[arg-type]
    delays = [policy.delay_s(3, failures) for failures in range(1, 9)]
    assert all(abs(delay - wanted) <= wanted / 10 for delay, wanted in zip(delays, expected, strict=True))
    assert delays == [policy.delay_s(3, failures) for failures in range(1, 9)]
    assert policy.delay_s(4, 1) != delays[0]
    assert policy.delay_s(3, 10_000) <= DELAY_S_MAX * 1.1
