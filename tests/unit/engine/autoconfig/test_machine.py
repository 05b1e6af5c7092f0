"""Free memory, as files of the system tell it."""

import pytest

from data_juicer.backends.inline import InlineBackend
from data_juicer.config.config import load_recipe
from data_juicer.engine.autoconfig.machine import free_bytes, limits, look_at_machine
from data_juicer.storage.memory import MemoryStore
from data_juicer.testing.clock import ManualClock

MEMINFO = "MemTotal: 9999 kB\nMemFree: 1 kB\nMemAvailable:    8000000 kB\n"


def machine_of(**files: str) -> MemoryStore:
    store = MemoryStore()
    for path, text in files.items():
        store.make_dirs(path.rpartition("/")[0])
        store.put(path, text.encode())
    return store


def test_available_memory_counts() -> None:
    assert free_bytes(machine_of(**{"/proc/meminfo": MEMINFO})) == 8_192_000_000
    assert free_bytes(MemoryStore()) is None


@pytest.mark.parametrize(
    ("files", "left"),
    [
        (
            {
                "/proc/self/cgroup": "0::/user/job\n",
                "/sys/fs/cgroup/user/job/memory.max": "max\n",
                "/sys/fs/cgroup/user/memory.max": "1000\n",
                "/sys/fs/cgroup/user/memory.current": "700\n",
                "/sys/fs/cgroup/user/memory.stat": "anon 5\ninactive_file 200\n",
            },
            [500],
        ),
        (
            {
                "/proc/self/cgroup": "5:memory:/docker/x\n4:cpu:/\n",
                "/sys/fs/cgroup/memory/memory.limit_in_bytes": "2000\n",
                "/sys/fs/cgroup/memory/memory.usage_in_bytes": "500\n",
            },
            [1500],
        ),
        (
            {
                "/proc/self/cgroup": "5:memory:/\n",
                "/sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
                "/sys/fs/cgroup/memory/memory.usage_in_bytes": "500\n",
            },
            [],
        ),
    ],
)
def test_limits_of_cgroups_are_found(files: dict[str, str], left: list[int]) -> None:
    assert [size for _, size in limits(machine_of(**files))] == left


def test_the_smallest_of_them_counts_and_is_named() -> None:
    store = machine_of(
        **{
            "/proc/meminfo": MEMINFO,
            "/proc/self/cgroup": "0::/\n",
            "/sys/fs/cgroup/memory.max": "3000000\n",
            "/sys/fs/cgroup/memory.current": "1000000\n",
        }
    )
    config = load_recipe({"dataset_path": "a.jsonl", "export_path": "b.jsonl"}, {}, {})
    machine = look_at_machine(config, InlineBackend(store, ManualClock()), store)
    assert (machine.workers, machine.memory_bytes, machine.limit) == (1, 2_000_000, "limit of the cgroup")
