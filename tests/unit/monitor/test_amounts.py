import pytest

from data_juicer.monitor.views.amounts import format_bytes, format_count


@pytest.mark.parametrize(
    ("size_bytes", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 kB"),
        (99_949, "99.9 kB"),
        (99_951, "100 kB"),
        (999_499, "999 kB"),
        (999_501, "1.0 MB"),
        (2_100_000_000, "2.1 GB"),
        (10**19, "10,000 PB"),
    ],
)
def test_bytes_have_three_digits_and_a_unit(size_bytes: int, text: str) -> None:
    assert format_bytes(size_bytes) == text


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0"), (999_999, "999,999"), (1_000_000, "1.0 M"), (345_600_000, "346 M"), (2_000_000_000, "2.0 G")],
)
def test_counts_are_exact_below_a_million(count: int, text: str) -> None:
    assert format_count(count) == text
