"""Tests of kernels run twice: with those in C, and with those of numpy."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from data_juicer.kernels.native import loading


@pytest.fixture(scope="module", autouse=True, params=["compiled", "numpy"])
def kernels(request: pytest.FixtureRequest) -> Iterator[str]:
    if request.param == "compiled" and loading.functions is None:
        pytest.skip(f"kernels: {loading.kernels_used}")
    with pytest.MonkeyPatch.context() as patch:
        if request.param == "numpy":
            patch.setattr(loading, "functions", None)
        yield request.param
