import os
from pathlib import Path

from data_juicer.monitor.resources import SAMPLE_S, ResourceSampler
from data_juicer.testing.clock import ManualClock

TICKS_PER_S = os.sysconf("SC_CLK_TCK")
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


def put(proc: Path, pid: int, cpu_s: float, pages: int) -> None:
    ticks = int(cpu_s * TICKS_PER_S)
    (proc / str(pid)).mkdir(exist_ok=True)
    (proc / str(pid) / "stat").write_text(f"{pid} (a) b) c) S " + "1 " * 10 + f"{ticks} {ticks} 0 0\n")
    (proc / str(pid) / "statm").write_text(f"9999 {pages} 1 1 0 1 0\n")


def test_a_share_is_the_cpu_time_between_two_samples(tmp_path: Path) -> None:
    clock = ManualClock()
    put(tmp_path, 7, 100.0, 10)
    sampler = ResourceSampler(clock, 7, str(tmp_path))
    put(tmp_path, 7, 102.5, 20)
    put(tmp_path, 8, 1.0, 30)
    clock.advance(10.0)
    usage = sampler.sample([8, 9])
    assert usage is not None
    assert [
        (process.role, process.pid, process.cpu_share, process.memory_bytes)
        for process in usage.data.processes
    ] == [("driver", 7, 0.5, 20 * PAGE_BYTES), ("worker", 8, 0.2, 30 * PAGE_BYTES)]


def test_a_sample_is_due_after_a_while(tmp_path: Path) -> None:
    clock = ManualClock()
    put(tmp_path, 7, 1.0, 10)
    sampler = ResourceSampler(clock, 7, str(tmp_path))
    clock.advance(SAMPLE_S - 0.1)
    assert sampler.sample_when_due([]) is None
    clock.advance(0.1)
    assert sampler.sample_when_due([]) is not None
    assert sampler.sample_when_due([]) is None


def test_without_proc_nothing_is_sampled(tmp_path: Path) -> None:
    clock = ManualClock()
    sampler = ResourceSampler(clock, 7, str(tmp_path / "none"))
    clock.advance(SAMPLE_S)
    assert sampler.sample_when_due([8]) is None


def test_this_process_can_be_sampled() -> None:
    clock = ManualClock()
    sampler = ResourceSampler(clock, os.getpid())
    clock.advance(1.0)
    usage = sampler.sample([])
    assert usage is not None
    assert usage.data.processes[0].memory_bytes > 10**6
