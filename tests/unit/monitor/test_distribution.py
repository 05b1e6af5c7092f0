"""Histograms of stats."""

from __future__ import annotations

import numpy as np
import pytest

from data_juicer.monitor.statistics.distribution import BINS, Distribution


@pytest.mark.parametrize(("low", "high"), [(2, 60), (0, 39), (0, 40), (5, 6), (0, 1000), (-7, 300)])
def test_whole_numbers_that_are_evenly_spread_fill_the_bins_of_a_histogram_evenly(
    low: int, high: int
) -> None:
    distribution = Distribution()
    distribution.add(np.arange(low, high + 1))
    histogram = distribution.histogram()
    assert histogram is not None
    assert len(set(histogram.counts[:-1])) == 1, "a bin holds more different numbers than its neighbour"
    assert 0 < histogram.counts[-1] <= histogram.counts[0]
    assert len(histogram.counts) <= BINS
    assert sum(histogram.counts) == high + 1 - low
