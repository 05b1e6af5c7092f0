"""Random kills over random recipes; after each resume the job is compared with an undisturbed one.

python -m tests.soak --kills 1000 --minutes 25 --seed 7
python -m tests.soak --seed 7 --only 12          the thirteenth job of that seed again
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
import threading
import time
import traceback
from collections import Counter
from pathlib import Path

for name in ("POLARS_MAX_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(name, "1")

from tests.soak.random_job import RandomJob  # noqa: E402 - threads are bounded first


def main() -> int:
    asked = _asked()
    _import_what_jobs_need()
    kills: Counter[str] = Counter()
    codes: Counter[int] = Counter()
    failed: list[int] = []
    number, until_s = asked.only or 0, time.monotonic() + asked.minutes * 60
    began_s = time.monotonic()
    while kills.total() < asked.kills and time.monotonic() < until_s:
        folder = Path(tempfile.mkdtemp(prefix="soak-"))
        job = None
        try:
            job = RandomJob(folder, f"{asked.seed}:{number}")
            job.live(disturbances=job.rng.randrange(2, 9))
            shutil.rmtree(folder)
        except Exception:
            failed.append(number)
            recipe = job.recipe if job else {}
            print(f"FAILED job {number} of seed {asked.seed}, kept in {folder}: {recipe}")
            traceback.print_exc(file=sys.stdout)
        if job is not None:
            kills += job.kills
            codes += job.codes
        number += 1
        if number % 20 == 0:
            print(f"{number} jobs, {kills.total()} kills, {len(failed)} failed", flush=True)
        if asked.only is not None:
            break
    print(f"seed {asked.seed}: {number} jobs in {time.monotonic() - began_s:.0f} s, {kills.total()} kills")
    for kind, count in kills.most_common():
        print(f"  {count:5} {kind}")
    print("exit codes:", ", ".join(f"{count} x {code}" for code, count in sorted(codes.items())))
    print(f"failures: {len(failed)} {failed or ''}")
    return 1 if failed else 0


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=1000, help="Stop after so many.")
    parser.add_argument("--minutes", type=float, default=60.0, help="Stop after so long.")
    parser.add_argument("--seed", type=int, default=20261126)
    parser.add_argument("--only", type=int, default=None, metavar="N", help="Play one job again.")
    return parser.parse_args()


def _import_what_jobs_need() -> None:
    """Runs are forked from this process, which therefore may import but not compute: threads do not survive a fork."""
    import pyarrow.parquet  # noqa: F401

    import data_juicer.cli.running
    import data_juicer.core.executor.factory
    import data_juicer.engine.run  # noqa: F401
    from data_juicer.ops.catalog import registry

    registry.names()
    assert threading.active_count() == 1


if __name__ == "__main__":
    sys.exit(main())
