from __future__ import annotations

from data_juicer.engine.driver.shard_plans import kinds
from data_juicer.engine.worker.shared.resolve import run


def test_each_kind_of_operator_that_the_driver_shares_out_is_executed_by_workers() -> None:
    assert [plan.kind for plan in kinds._plans()] == [kind for kind, _ in run._RUNNERS]
