"""Sizes of partitions, from measurements alone."""

import pytest

from data_juicer.engine.autoconfig.choice import PROFILES, SIZE_MB_MAX, Machine, choose
from data_juicer.engine.autoconfig.costs import MemoryCost, OperatorCost, PipelineCost, combine
from data_juicer.engine.autoconfig.modality import Medium
from data_juicer.engine.autoconfig.sample_stats import MediumFile, SampledRow, SampleStats, summarise_sample
from data_juicer.engine.autoconfig.wording import describe_choice

FOUR = Machine(workers=4, memory_bytes=16_000_000_000)
MB = 1_000_000
SPECIFIED = {"text": (200, 1000, 1), "image": (50, 200, 5), "audio": (30, 100, 8), "video": (10, 50, 20)}
"""Modality -> default, maximum and memory multiplier of the specification."""


def stats_of(*media: Medium, size_bytes: int = 2000, file_bytes: int = 100_000) -> SampleStats:
    """Rows alike, each with a file of each medium."""
    files = tuple(MediumFile(medium=medium, size_bytes=file_bytes) for medium in media)
    row = SampledRow(size_bytes=size_bytes, text_chars=100, kinds=frozenset(media), files=files)
    return summarise_sample([row] * 100, 1)


def cost_of(seconds_per_row: float) -> PipelineCost:
    return PipelineCost(seconds_per_row=seconds_per_row, rows=100)


@pytest.mark.parametrize("modality", SPECIFIED)
def test_small_and_large_inputs_have_the_default_and_the_maximum_of_the_specification(
    modality: str,
) -> None:
    default, most, multiplier = SPECIFIED[modality]
    media: list[Medium] = [] if modality == "text" else [modality]  # type: ignore[list-item]
    stats = stats_of(*media, file_bytes=1000)
    assert choose(stats, cost_of(1e-5), FOUR, 10).rows == default
    assert choose(stats, cost_of(1e-5), FOUR, 10_000_000).rows == most
    assert PROFILES[stats.detected.modality].memory_multiplier == multiplier


def test_two_media_are_multimodal() -> None:
    choice = choose(stats_of("image", "audio"), None, FOUR, 10_000_000)
    assert (choice.modality, choice.rows) == ("multimodal", 100)


def test_an_input_between_gives_each_worker_eight_partitions() -> None:
    choice = choose(stats_of(), cost_of(1e-5), FOUR, 16_000)
    assert (choice.rows, choice.partitions) == (500, 32)


@pytest.mark.parametrize("seconds_per_row", [0.02, 0.1, 1.0, 9.0])
def test_dear_rows_make_partitions_of_ten_seconds(seconds_per_row: float) -> None:
    choice = choose(stats_of(), cost_of(seconds_per_row), FOUR, 10_000_000)
    assert choice.partition_s is not None
    assert 5 <= choice.partition_s <= 30


def test_ten_dear_rows_are_shared_among_the_workers() -> None:
    assert choose(stats_of(), cost_of(5.0), FOUR, 10).rows == 2
    assert choose(stats_of(), cost_of(60.0), FOUR, 10).rows == 1
    assert (
        choose(stats_of(), cost_of(1e-4), FOUR, 10).rows == 200
    )  # a worker more would cost more than it saves


def test_rows_that_would_not_fit_into_memory_are_fewer() -> None:
    small = Machine(workers=2, memory_bytes=2_000 * MB)
    choice = choose(stats_of("video", file_bytes=2 * MB), None, small, 10_000)
    assert choice.rows == 11  # (2,000 MB x 0.6 / 2 - 150 MB) / (2 MB x 20)
    assert choice.worker_bytes < 600 * MB
    assert "memory" in choice.reason
    assert choose(stats_of("video", file_bytes=900 * MB), None, small, 10_000).rows == 1


def test_memory_is_that_which_was_measured() -> None:
    memory = MemoryCost(
        base_bytes=100 * MB, peak_bytes=140 * MB, settled_bytes=110 * MB, sample_bytes=100 * 2000
    )
    cost = combine([OperatorCost(key="", name="a", rows_in=100, rows_out=100, seconds=0.001)], memory)
    choice = choose(stats_of(), cost, FOUR, 1600)
    assert choice.rows == 200
    assert choice.worker_bytes == pytest.approx(110 * MB + 2 * 40 * MB, rel=0.01)


def test_size_mb_leaves_room_for_four_times_the_usual_and_is_bounded() -> None:
    assert choose(stats_of(size_bytes=10_000), None, FOUR, 10_000_000).size_mb == 40
    assert choose(stats_of(size_bytes=10_000_000), None, FOUR, 10_000_000).size_mb == SIZE_MB_MAX
    tiny = Machine(workers=1, memory_bytes=100 * MB)
    assert 1 <= choose(stats_of(size_bytes=10_000_000), None, tiny, 10_000_000).size_mb <= 8


def test_an_empty_input_has_the_default() -> None:
    choice = choose(summarise_sample((), 0), None, Machine(workers=1), 0)
    assert (choice.modality, choice.rows, choice.partitions) == ("text", 200, 0)


def test_the_cost_of_a_row_counts_how_many_rows_reach_an_operator() -> None:
    costs = [
        OperatorCost(key="", name="filter", rows_in=100, rows_out=10, seconds=1.0),
        OperatorCost(key="", name="model", rows_in=0, rows_out=0, seconds=0.0, skipped="which is dear"),
        OperatorCost(key="", name="mapper", rows_in=5, rows_out=5, seconds=10.0),
    ]
    combined = combine(costs, None)
    assert combined is not None
    assert combined.seconds_per_row == pytest.approx(0.01 + 0.1 * 2.0)
    assert (combined.dearest, combined.rows) == ("mapper", 5)
    assert combined.dearest_share == pytest.approx(0.2 / 0.21)
    assert combined.skipped == {"model": "which is dear"}
    assert combine(costs[1:2], None) is None


def test_five_lines_say_what_was_chosen_and_why() -> None:
    stats, machine = (
        stats_of("image"),
        Machine(workers=2, memory_bytes=8_000_000_000, limit="limit of the cgroup"),
    )
    cost = combine([OperatorCost(key="", name="blur", rows_in=100, rows_out=100, seconds=5.0)], None)
    lines = describe_choice(stats, cost, "", machine, choose(stats, cost, machine, 10_000))
    assert len(lines) == 5
    assert all(line.startswith("auto_configure: ") for line in lines)
    for line, part in zip(
        lines,
        (
            "image: 100% of the sampled rows refer to image",
            "100 rows of 1 file",
            "blur 100%",
            "limit of the cgroup",
            "size 200 (",
        ),
        strict=True,
    ):
        assert part in line
