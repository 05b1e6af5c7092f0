"""One driver per job.

On one machine an operating-system lock on `job.lock` decides; it dies with its holder. Where the store has no such locks, the
claim is a lease (`lease.py`). Between machines the newest file in `runs/` decides: run N's claim is created exclusively, so each number has one owner, and N+1 is claimed only when N was
released, has died on this machine, or let its lease run out. A driver that was taken for dead finds the claim N+1
before its next change of the job and stops; `job/fence.py` says why nothing slips through between that look and the change.
"""

from __future__ import annotations

import contextlib
import os
import platform
import shlex
from datetime import datetime
from typing import Final

import msgspec

from data_juicer.clock import Clock, format_utc, parse_utc
from data_juicer.errors import CheckpointCorruptError, JobLockedError, StoreError
from data_juicer.job.fence import fenced, remove_asides
from data_juicer.job.layout import JobLayout
from data_juicer.job.lease import LEASE_S, RENEWAL_S, Lease, age_s, seal
from data_juicer.job.names import parse_run_name
from data_juicer.storage.base import Store
from data_juicer.storage.capabilities import AdvisoryLock
from data_juicer.storage.cloud.processes import is_gone, this_process
from data_juicer.store.versioned_json import FORMAT_VERSION, VersionedJson


class RunClaim(msgspec.Struct, frozen=True, kw_only=True):
    """Who owns a run, and when it was last heard of; times as ISO 8601 in UTC."""

    format_version: int = FORMAT_VERSION
    run: int
    host: str
    pid: int
    process: str = ""
    """Names the process among those of its machine, where the store has no locks."""
    since: str
    renewed: str
    released: bool = False
    rows_done: int = 0
    events: int = 0
    """The last number that an event is known to have: a log that is lost is not numbered from 1 again."""


_CODEC: Final = VersionedJson(RunClaim)
_TAKEN_FOR_DEAD: Final = f"taken for dead {LEASE_S:.0f} s after that"


class Driver(msgspec.Struct, frozen=True, kw_only=True):
    """A process that wants to work on a job."""

    host: str
    pid: int
    process: str = ""

    @staticmethod
    def here() -> Driver:
        """This process."""
        return Driver(host=platform.node(), pid=os.getpid(), process=this_process())


class Lock:
    """The right of one run to commit; made by `acquire`."""

    def __init__(
        self,
        store: Store,
        layout: JobLayout,
        clock: Clock,
        advisory: AdvisoryLock | None,
        claim: RunClaim,
        lease: Lease | None = None,
    ) -> None:
        """
        Args:
            advisory: the lock of this machine, which is held; None where `lease` decides.
        """
        self._store = store
        self.store = fenced(store, self.fence)
        """What the run changes the job through."""
        self._layout = layout
        self._clock = clock
        self._advisory = advisory
        self._lease = lease
        self._claim = claim
        self._events_before = claim.events
        self._renewed_s = clock.monotonic_s()

    @property
    def run(self) -> int:
        """The number of this run, 1 for the first one of the job."""
        return self._claim.run

    @property
    def events_before(self) -> int:
        """The last number that an event of an earlier run is known to have."""
        return self._events_before

    def note(self, rows_done: int, events: int) -> None:
        """What the claim says from its next renewal or its release on."""
        self._claim = msgspec.structs.replace(self._claim, rows_done=rows_done, events=events)

    def renew(self, rows_done: int, events: int) -> None:
        """Say that the run is alive; does nothing when called again within RENEWAL_S."""
        now_s = self._clock.monotonic_s()
        if now_s - self._renewed_s >= RENEWAL_S:
            self._renewed_s = now_s
            if self._lease is None:
                self.fence()
            self.note(rows_done, events)
            self._write(released=False)

    def fence(self) -> None:
        """Refuse to go on when a later run owns the job; made before each change: one look for a file, or at the clock.

        Raises: JobLockedError: a later run owns it.
        """
        if self._lease is not None:
            if not self._lease.is_sure:
                self._write(released=False)
        elif self.is_lost():
            raise self._lost()

    def check_store(self) -> None:
        """Raises: StoreError: the store does not keep two drivers apart."""
        if self._lease is not None:
            self._lease.check_store()

    def is_lost(self) -> bool:
        """True once a later run has claimed the job; this run must not change it any more."""
        return self._store.exists(self._layout.run_claim(self.run + 1))

    def _lost(self) -> JobLockedError:
        return JobLockedError(
            f"{self._layout.job_id}: run {self.run} (pid {self._claim.pid} on {self._claim.host}) was not heard of "
            f"for {LEASE_S:.0f} s and run {self.run + 1} took the job over. "
            "This run stops; what it committed is safe and is used. "
            f"To watch the other: {_watch_command(self._layout)}"
        )

    def release(self, rows_done: int | None = None) -> None:
        """Give the job free for the next run; without `rows_done` the claim keeps what it said last.

        Where the disk refuses the note of it, a driver on this machine goes on at once all the same, and one on another
        machine when the lease is over.
        """
        try:
            if self._lease is not None or not self.is_lost():
                with contextlib.suppress(StoreError, JobLockedError):
                    if rows_done is not None:
                        self.note(rows_done, self._claim.events)
                    self._write(released=True)
        finally:
            if self._advisory is not None:
                self._advisory.release()

    def _write(self, *, released: bool) -> None:
        self._claim = msgspec.structs.replace(
            self._claim, renewed=format_utc(self._clock.now()), released=released
        )
        data = _CODEC.encode(self._claim)
        if self._lease is None:
            self._store.put(self._layout.run_claim(self.run), data)
        elif not self._lease.renew(data):
            raise self._lost()


def acquire(
    store: Store,
    layout: JobLayout,
    clock: Clock,
    driver: Driver,
    advisory: AdvisoryLock | None = None,
) -> Lock:
    """Become the one driver of a job.

    Args:
        advisory: the lock of this machine; that of the store unless a test gives its own.
    Raises: JobLockedError: another driver has the job; nothing was changed.
    """
    store.make_own_dir(layout.job_dir)
    store.make_own_dir(layout.runs_dir)
    taken = advisory or store.at(layout.lock).advisory_lock()
    if taken is None:
        return _acquire_lease(store, layout, clock, driver)
    if not taken.acquire(layout.lock):
        raise _refusal(layout, find_owner(store, layout), "still runs")
    try:
        owner = find_owner(store, layout)
        lock = Lock(store, layout, clock, taken, _claim_next_run(store, layout, clock, driver, owner))
        if not (owner and owner.released):
            remove_asides(lock.store, layout)
    except BaseException:
        taken.release()
        raise
    return lock


def find_owner(store: Store, layout: JobLayout) -> RunClaim | None:
    """The claim of the newest run; None when there was none or it is damaged. Raises: NewerFormatError."""
    run = newest_run(store, layout)
    return find_claim(store, layout, run) if run else None


def find_claim(store: Store, layout: JobLayout, run: int) -> RunClaim | None:
    """The claim of a run; None when it is gone or damaged. Raises: NewerFormatError."""
    try:
        return _CODEC.decode(store.read(layout.run_claim(run)), layout.run_claim(run))
    except (FileNotFoundError, CheckpointCorruptError):
        return None


def newest_run(store: Store, layout: JobLayout) -> int:
    """The number of the newest run; 0 for a job that none has worked on."""
    return max((parse_run_name(name) or 0 for name in store.list(layout.runs_dir)), default=0)


def is_alive(store: Store, owner: RunClaim, now: datetime, host: str, lock_path: str) -> bool:
    """Whether the run's driver still works, as far as this machine can tell."""
    if owner.released:
        return False
    if is_gone(owner.process):
        return False
    if owner.host == host and store.at(lock_path).advisory_lock() is not None:
        return store.is_locked(lock_path)
    return not _is_lease_over(owner, now)


def _acquire_lease(store: Store, layout: JobLayout, clock: Clock, driver: Driver) -> Lock:
    """Raises: JobLockedError."""
    owner = find_owner(store, layout)
    if owner is not None and not owner.released:
        path = layout.run_claim(owner.run)
        if not is_gone(owner.process) and age_s(store, path) <= LEASE_S:
            raise _refusal(layout, owner, f"was heard of at {owner.renewed}; {_TAKEN_FOR_DEAD}")
        sealed = _CODEC.encode(msgspec.structs.replace(owner, released=True))
        if not seal(store, path, sealed, lambda sealed_data: _CODEC.decode(sealed_data, path) == owner):
            raise _refusal(layout, find_owner(store, layout), "is at work again")
    claim = _next_claim(clock, driver, owner, owner.run + 1 if owner else newest_run(store, layout) + 1)
    lease = Lease(store, layout.run_claim(claim.run), clock)
    if not lease.begin(_CODEC.encode(claim)):
        raise _refusal(layout, find_owner(store, layout), "was faster")
    lock = Lock(store, layout, clock, None, claim, lease)
    if not (owner and owner.released):
        remove_asides(lock.store, layout)
    return lock


def _claim_next_run(
    store: Store, layout: JobLayout, clock: Clock, driver: Driver, owner: RunClaim | None
) -> RunClaim:
    """Called with the lock of this machine held, so that an owner on this machine is dead."""
    now = clock.now()
    if owner and not owner.released and owner.host != driver.host and not _is_lease_over(owner, now):
        raise _refusal(layout, owner, f"was heard of at {owner.renewed}; {_TAKEN_FOR_DEAD}")
    claim = _next_claim(clock, driver, owner, newest_run(store, layout) + 1)
    if not _create_claim(store, layout.run_claim(claim.run), _CODEC.encode(claim)):
        raise _refusal(layout, find_owner(store, layout), "was faster")
    return claim


def _next_claim(clock: Clock, driver: Driver, owner: RunClaim | None, run: int) -> RunClaim:
    moment = format_utc(clock.now())
    return RunClaim(
        run=run,
        host=driver.host,
        pid=driver.pid,
        process=driver.process,
        since=moment,
        renewed=moment,
        events=owner.events if owner else 0,
    )


def _create_claim(store: Store, path: str, data: bytes) -> bool:
    """Claim a run, if it is free; once more where the owner of the job removed what this driver had prepared."""
    try:
        return store.put_if_absent(path, data)
    except StoreError:
        return store.put_if_absent(path, data)


def _is_lease_over(owner: RunClaim, now: datetime) -> bool:
    renewed = parse_utc(owner.renewed)
    return renewed is None or (now - renewed).total_seconds() > LEASE_S


def _refusal(layout: JobLayout, owner: RunClaim | None, state: str) -> JobLockedError:
    if owner is None or owner.released:  # the driver that was faster has not written its claim yet
        found = f"another driver {state} ({os.path.basename(layout.lock)} is held)"
    else:
        found = (
            f"run {owner.run} (pid {owner.pid} on {owner.host}, since {owner.since}, "
            f"{owner.rows_done:,} rows done at {owner.renewed}) {state}"
        )
    return JobLockedError(
        f"{layout.job_id}: {found}. Nothing was changed. To watch it: {_watch_command(layout)}"
    )


def _watch_command(layout: JobLayout) -> str:
    """The work directory is named: who types this may stand elsewhere."""
    return shlex.join(["dj-jobs", "show", layout.job_id, "--work_dir", os.path.dirname(layout.job_dir)])
