"""One random job, what is done to it, and what must have come of it."""

from __future__ import annotations

import os
import random
import re
import signal
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import psutil

from data_juicer.job import summary as summaries
from data_juicer.job.layout import JobLayout
from data_juicer.store.commit import SET_ASIDE, read_manifest
from data_juicer.store.decisions import read_resolve
from tests.soak.driver import FROM_THEN_ON, ONCE, FaultyStore
from tests.soak.one_job import DAMAGES
from tests.soak.recipes import draw_recipe, write_input
from tests.support.small_job import STORE, SmallJob

TOKEN: Final = "SOAK_TOKEN"
"""Of the environment of every process of a job: what is alive of it afterwards is found by it."""
GONE_S: Final = 10.0
RUN_S_MAX: Final = 120.0
CODES: Final = frozenset({0, 1, 2, 130, 143, -signal.SIGKILL, -signal.SIGTERM, -signal.SIGINT})


class NotingStore(FaultyStore):
    """Leaves a mark when its fault is done."""

    folder = ""

    def _count(self, path: str) -> None:
        if self.fault and self.changes + 1 == self.fault_at:
            open(f"{self.folder}/struck", "w").close()
        super()._count(path)


def share_small_jobs() -> None:
    """Have this process share out small jobs as it does large ones, and keep an index of their results."""
    from data_juicer.engine.driver import resolve_shards
    from data_juicer.engine.output import publish
    from data_juicer.plan.resume import done_results, found, result_index
    from data_juicer.plan.scan import shared
    from data_juicer.store import results

    shared.RANGE_BYTES = 1500  # type: ignore[misc]
    resolve_shards.SHARDED_KEYS = 0  # type: ignore[misc]
    results.SHARED_BYTES = 0  # type: ignore[misc]
    found.INDEXED_MIN = publish.INDEXED_MIN = 1  # type: ignore[misc]
    done_results.GROUP_RECORDS = 3  # type: ignore[misc]
    result_index._SETTLED_S = 0  # type: ignore[misc]


@dataclass
class RandomJob:
    """A job in a folder of its own. Every run is a process that is forked from this one, which has imported what it needs."""

    folder: Path
    seed: str
    kills: Counter[str] = field(default_factory=Counter)
    codes: Counter[int] = field(default_factory=Counter)
    damaged: set[str] = field(default_factory=set)
    """Names of files."""

    def __post_init__(self) -> None:
        self.rng = random.Random(self.seed)
        self.recipe = draw_recipe(self.rng, self.folder)
        self._fork(lambda: write_input(self.recipe, random.Random(self.seed)))

    # ---- its runs

    def job(self, name: str, backend: str = "inline") -> SmallJob:
        settings = {
            key: value
            for key, value in self.recipe.items()
            if key not in {"export", "rows", "process", "shared"}
        }
        export = self.folder / name / f"result.{self.recipe['export']}"
        settings |= {"export_path": str(export), "executor_type": backend}
        return SmallJob(self.folder, self.recipe["process"], settings, name)

    def start(self, name: str, backend: str, fault: tuple[str, int] = ("", 0)) -> int:
        """Begin a run; its process id."""
        path = self.job(name, backend).write_recipe()
        return self._begin(lambda: self._drive(path, fault))

    def _drive(self, recipe: Path, fault: tuple[str, int]) -> int:
        from data_juicer.cli import process
        from data_juicer.storage import posix

        NotingStore.folder = str(self.folder)
        NotingStore.fault, NotingStore.fault_at = fault
        posix.PosixStore = NotingStore  # type: ignore[misc] # what the command line makes of it
        os.environ[TOKEN] = str(self.folder)
        if self.recipe["shared"] and recipe.stem == "work":
            share_small_jobs()
        os.environ["SOAK_ORDERS"] = ""
        code = process.main(["--config", str(recipe)])
        (self.folder / "changes").write_text(str(NotingStore.changes))
        return code

    def _begin(self, deed: Callable[[], int | None]) -> int:
        pid = os.fork()
        if pid:
            return pid
        code = 70
        try:
            for number in (signal.SIGINT, signal.SIGTERM):
                signal.signal(
                    number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL
                )
            out = os.open(self.folder / "out", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
            os.dup2(out, 1)
            os.dup2(out, 2)
            os.chdir(self.folder)
            code = deed() or 0
        except SystemExit as left:
            code = left.code if isinstance(left.code, int) else 1
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)

    def _fork(self, deed: Callable[[], None]) -> None:
        assert self.wait(self._begin(deed)) == 0, self.reported()

    def wait(self, pid: int, patience_s: float = RUN_S_MAX) -> int | None:
        """The exit code, negative for a signal; None where it still runs after so long."""
        until_s = time.monotonic() + patience_s
        while True:
            ended, status = os.waitpid(pid, os.WNOHANG)
            if ended:
                return os.waitstatus_to_exitcode(status)
            if time.monotonic() >= until_s:
                return None
            time.sleep(0.002)

    def reported(self) -> str:
        path = self.folder / "out"
        return path.read_text(errors="replace")[-3000:] if path.exists() else ""

    # ---- what is done to it

    def live(self, disturbances: int) -> None:
        """Disturb it so often, resume it, and compare it with an undisturbed job."""
        began_s = time.monotonic()
        self._run_to_end("undisturbed")
        self.run_s = time.monotonic() - began_s
        self.changes = int((self.folder / "changes").read_text())
        for number in range(disturbances):
            if self.rng.random() < 0.3:
                self._damage()
            others = ["local", "local"] if self.recipe["shared"] else ["inline", "inline"]
            backend = self.rng.choice(["inline", "local", *others])
            if self._disturb(backend, disturbances - number) == 0 and self.rng.random() < 0.7:
                break  # it is complete; at times its files are damaged even so
        self._run_to_end("work")
        self.check()

    def _run_to_end(self, name: str) -> None:
        code = self.wait(self.start(name, "inline"))
        self._check_run(code, frozenset({0}))

    def _disturb(self, backend: str, left: int) -> int:
        """Something happens to one run; its exit code. `left`: how many disturbances there are to be, this one included."""
        share = 1.5 / (left + 1)
        kind = self.rng.choice([*TIMED, *ONCE, *FROM_THEN_ON])
        if kind == "worker killed":
            backend = "local"
        if kind in TIMED:
            span_s = self.run_s * share + (1.0 if backend == "local" else 0.0)
            pid = self.start("work", backend)
            code = self.wait(pid, self.rng.uniform(0, span_s))
            if code is None:
                self.kills[kind] += 1
                TIMED[kind](self, pid)
                code = self.wait(pid)
        else:
            at = self.rng.randrange(1, 2 + int(self.changes * share))
            code = self.wait(self.start("work", backend, (kind, at)))
            self.kills[kind] += self._has_struck()
        if code is None:
            raise AssertionError(f"{kind}: the run hangs: {self.reported()}")
        self._check_run(code, CODES)
        return code

    def _has_struck(self) -> bool:
        mark = self.folder / "struck"
        has_struck = mark.exists()
        mark.unlink(missing_ok=True)
        return has_struck

    def _kill(self, pid: int) -> None:
        os.kill(pid, signal.SIGKILL)

    def _kill_worker(self, pid: int) -> None:
        """One of its workers; the driver goes on with another one."""
        workers = psutil.Process(pid).children(recursive=True) if psutil.pid_exists(pid) else []
        if workers:
            os.kill(self.rng.choice(workers).pid, signal.SIGKILL)

    def _freeze(self, pid: int) -> None:
        """It is stopped for a moment, goes on, and is killed later."""
        os.kill(pid, signal.SIGSTOP)
        time.sleep(self.rng.uniform(0, 0.1))
        os.kill(pid, signal.SIGCONT)
        if self.wait_a_little(pid):
            os.kill(pid, signal.SIGKILL)

    def wait_a_little(self, pid: int) -> bool:
        """Whether it still runs after a part of its time; it stays to be waited for."""
        time.sleep(self.rng.uniform(0, self.run_s / 2))
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE

    def _signal(self, number: signal.Signals) -> Callable[[int], None]:
        def send(pid: int) -> None:
            os.kill(pid, number)
            if self.rng.random() < 0.3 and self.wait_a_little(pid):
                os.kill(pid, number)

        return send

    def _damage(self) -> None:
        files = [
            os.path.join(folder, name)
            for folder, _, names in os.walk(self.layout.job_dir)
            for name in names
            if SET_ASIDE not in folder
        ]
        if files:
            path = self.rng.choice(sorted(files))
            kind = self.rng.choice([*DAMAGES, "file removed"])
            self.kills[kind] += 1
            self.damaged.add(os.path.basename(path))
            if kind in DAMAGES:
                STORE.write(path, DAMAGES[kind](STORE.read(path), self.rng))
            else:
                STORE.remove(path)

    # ---- what came of it

    @property
    def layout(self) -> JobLayout:
        return self.job("work").layout

    def _check_run(self, code: int | None, allowed: frozenset[int]) -> None:
        self.codes[-999 if code is None else code] += 1
        assert code in allowed, f"exit {code}: {self.reported()}"
        assert "Traceback" not in self.reported(), self.reported()
        until_s = time.monotonic() + GONE_S
        while left := self._processes():
            assert time.monotonic() < until_s, f"processes {left} are left"
            time.sleep(0.02)

    def _processes(self) -> list[int]:
        """Workers of this job that are alive."""
        word = f"{TOKEN}={self.folder}\0".encode()
        found = []
        for name in filter(str.isdigit, os.listdir("/proc")):
            try:
                if word in Path("/proc", name, "environ").read_bytes():
                    found.append(int(name))
            except OSError:
                continue
        return found

    def check(self) -> None:
        work, undisturbed = self.job("work"), self.job("undisturbed")
        for what, found, wanted in zip(
            ("export", "ledger", "dead letters"), work.outcome(), undisturbed.outcome(), strict=True
        ):
            assert found == wanted, f"the {what}"
        expected = summaries.load(STORE, undisturbed.layout)
        found = summaries.load(STORE, self.layout)
        assert (found.status, found.counts) == (expected.status, expected.counts), "the summary"
        self._check_log(work.event_numbers())
        self._check_files()

    def _check_log(self, numbers: list[int]) -> None:
        """Numbers rise by one; where the log itself was damaged, they rise."""
        assert numbers == sorted(set(numbers)), f"numbers of events: {numbers}"
        if not any(kind.startswith(("file", "bit", "event log", "disk")) for kind in self.kills):
            assert numbers == list(range(1, len(numbers) + 1)), f"the log has gaps: {numbers}"

    def _check_files(self) -> None:
        """No temporary file, and no data file that no manifest names."""
        for folder, _, names in os.walk(self.folder / "work"):
            left = [name for name in names if name.endswith((".aside", ".staged"))]
            assert not left, f"{folder}: {left}"
        for folder in (self.layout.checkpoints_dir, self.layout.results_dir):
            names = STORE.list(folder)
            if SET_ASIDE in names:
                continue
            named: set[str] = set()
            manifest = re.compile(r"(partition|checkpoint|summary)_[\d_]+\.json")
            gone = {name for name in self.damaged - set(names) if manifest.fullmatch(name)}
            for name in (*names, *gone):
                if name in self.damaged:  # or removed, after the job was complete: nobody looked
                    named |= set(names)
                elif re.fullmatch(r"resolve_\d+\.json", name):
                    resolve = read_resolve(STORE, os.path.join(folder, name))
                    named |= {resolve.file, *(decision.file for decision in resolve.decisions)}
                elif manifest.fullmatch(name):
                    named |= {
                        file.name for file in read_manifest(STORE, os.path.join(folder, name)).all_files
                    }
            unnamed = [name for name in names if re.search(r"\.r\d+a\d+\.", name) and name not in named]
            assert not unnamed, f"{folder}: no manifest names {unnamed}"


TIMED: Final[dict[str, Callable[[RandomJob, int], None]]] = {
    "driver killed at a moment": RandomJob._kill,
    "worker killed": RandomJob._kill_worker,
    "driver frozen, then killed": RandomJob._freeze,
    "SIGTERM at a moment": lambda job, pid: job._signal(signal.SIGTERM)(pid),
    "SIGINT at a moment": lambda job, pid: job._signal(signal.SIGINT)(pid),
}
