from hypothesis import given
from hypothesis import strategies as st

from data_juicer.monitor.table import format_table

ROWS = [("whitespace_normalization_mapper", "10,000", "1.20"), ("a", "3", "")]


def test_figures_stand_right_and_names_left() -> None:
    assert format_table(("operator", "rows", "MB/s"), ROWS, 80) == [
        "operator                           rows  MB/s",
        "─────────────────────────────────────────────",
        "whitespace_normalization_mapper  10,000  1.20",
        "a                                     3",
    ]


def test_a_narrow_screen_cuts_names_and_never_figures() -> None:
    assert format_table(("operator", "rows", "MB/s"), ROWS, 30) == [
        "operator            rows  MB/s",
        "──────────────────────────────",
        "whitespace_norm…  10,000  1.20",
        "a                      3",
    ]


def test_without_a_width_nothing_is_cut() -> None:
    assert "x" * 500 in format_table(("name", "n"), [("x" * 500, "1")], None)[2]


@given(st.lists(st.integers(0, 10**12), min_size=1), st.integers(40, 200))
def test_lines_fit_the_screen_and_hold_every_figure(figures: list[int], width: int) -> None:
    lines = format_table(("operator", "rows"), [("n" * 60, f"{figure:,}") for figure in figures], width)
    assert all(len(line) <= width for line in lines)
    assert [line.split()[-1] for line in lines[2:]] == [f"{figure:,}" for figure in figures]
