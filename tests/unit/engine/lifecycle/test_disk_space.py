from data_juicer.engine.lifecycle.disk_space import BLOCK_BYTES, Room, find_refusal, least_bytes, warnings


def room(free: int | None, least: int = 100, likely: int = 1000) -> Room:
    return Room(path="/disk", free_bytes=free, least_bytes=least, likely_bytes=likely)


def test_a_run_is_refused_only_where_even_empty_results_do_not_fit() -> None:
    assert find_refusal([room(100), room(None)]) is None
    assert find_refusal([room(5000), room(99)]) == (
        "/disk: 99 bytes are free, at least 100 are needed. "
        "No row was processed; what was committed before is safe. Make room and start the job again."
    )


def test_a_disk_that_may_become_full_is_warned_of() -> None:
    assert warnings([room(1000), room(None), room(99)]) == []
    assert len(warnings([room(999)])) == 1


def test_each_stage_takes_a_data_file_and_a_manifest() -> None:
    assert least_bytes(partitions=10, stages=1) == 20 * BLOCK_BYTES
    assert least_bytes(partitions=10, stages=0) == 0
