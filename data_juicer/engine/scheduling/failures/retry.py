"""How long to wait before an attempt is made again. Pure."""

from __future__ import annotations

import random
from typing import Literal

import msgspec

DELAY_S_MAX = 60.0


class RetryPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """`retries_max` attempts follow the first one; the jitter comes from the job's seed, so that a run can be replayed."""

    retries_max: int
    backoff: Literal["exponential", "linear", "fixed"]
    seed: int
    isolates: bool = True
    """Attempts that close in on a row that kills its worker are made beside the retries."""

    def delay_s(self, partition_id: int, failures: int) -> float:
        """Seconds before the attempt that follows the `failures`-th failure, failures at least 1.

        1, 2, 4 ... (exponential), 1, 2, 3 ... (linear) or 1, 1, 1 ... (fixed), at most 60, then up to a tenth more or
        less, so that partitions that failed together do not come back together.
        """
        match self.backoff:
            case "exponential":
                delay_s = 2.0 ** min(failures - 1, 6)
            case "linear":
                delay_s = float(failures)
            case "fixed":
                delay_s = 1.0
        jitter = random.Random(f"{self.seed}:{partition_id}:{failures}").uniform(0.9, 1.1)  # noqa: S311 - no secret
        return min(delay_s, DELAY_S_MAX) * jitter
