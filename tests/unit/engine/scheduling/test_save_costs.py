"""Where checkpoints pay: the rule of one attempt, what the driver measures, and a simulated job under the bound."""

from __future__ import annotations

import math
import random

import pytest

from data_juicer.engine.scheduling.save_costs import FAILURE_S, SaveCosts, explain
from data_juicer.plan.policy import SaveRule, optimal_interval_s

OPERATORS = 6


def rule(**fields: object) -> SaveRule:
    given = {
        "failure_s": 1000.0,
        "overhead_max": 0.5,
        "save_s": (2.0,) * OPERATORS,
        "work_s": (100.0,) * OPERATORS,
        **fields,
    }
    return SaveRule(**given)  # type: ignore[arg-type]


def pays(present: SaveRule, index: int = 2, unsaved_s: float = 300.0, spent_s: float = 0.0) -> bool:
    return present.pays(index, OPERATORS, unsaved_s=unsaved_s, worked_s=300.0, spent_s=spent_s)


def test_the_interval_is_where_saving_and_losing_cost_least() -> None:
    save_s, failure_s = 2.0, 5000.0

    def loss(interval_s: float) -> float:
        return save_s / interval_s + interval_s / (2 * failure_s)

    best_s = optimal_interval_s(save_s, failure_s)
    assert best_s == pytest.approx(math.sqrt(2 * 2.0 * 5000.0))
    assert loss(best_s) < min(loss(best_s * 0.9), loss(best_s * 1.1))
    assert optimal_interval_s(80.0, 100.0) == 100.0


def test_a_checkpoint_pays_from_the_optimal_interval_on() -> None:
    interval_s = optimal_interval_s(2.0, 1000.0)
    assert not pays(rule(), unsaved_s=interval_s * 0.99)
    assert pays(rule(), unsaved_s=interval_s * 1.01)


def test_a_checkpoint_just_before_the_end_does_not_pay() -> None:
    assert pays(rule())
    assert not pays(rule(work_s=(100.0, 100.0, 100.0, 1.0, 1.0, 1.0)))
    assert not pays(rule(), index=OPERATORS - 1)


def test_operators_that_nobody_has_measured_may_take_for_ever() -> None:
    assert pays(rule(work_s=(100.0, 100.0, 100.0, None, 0.0, 0.0)))


def test_the_bound_is_kept_for_the_partition_and_for_what_others_spent_too_much() -> None:
    assert pays(rule(overhead_max=2.1 / 600))
    assert not pays(rule(overhead_max=1.9 / 600))
    assert not pays(rule(overhead_max=2.1 / 600), spent_s=2.0)
    assert not pays(rule(overhead_max=2.1 / 600, overspent_s=1.0))


def test_what_was_paid_for_outside_is_saved_whatever_it_costs() -> None:
    assert pays(rule(overhead_max=0.0, always=frozenset({2})), unsaved_s=0.0)


def test_failures_shorten_the_interval_and_earlier_runs_count() -> None:
    costs = SaveCosts(OPERATORS, 0.03)
    assert costs.failure_s == FAILURE_S
    costs.add_work(0, 600.0)
    costs.add_failure()
    costs.add_failure()
    assert costs.failure_s == 300.0
    assert SaveCosts(OPERATORS, 0.03, worked_s_before=1000.0, failures_before=10).failure_s == 100.0


def test_the_cost_of_a_checkpoint_that_was_never_made_is_that_of_others() -> None:
    costs = SaveCosts(3, 0.03)
    costs.add_save(1, 0.4)
    costs.add_save(1, 0.6)
    assert costs.rule().save_s == (0.5, 0.5, 0.5)
    costs.add_save(0, 3.0)
    assert costs.rule().save_s[:2] == (3.0, 0.5)


def test_the_choice_is_explained_for_each_operator() -> None:
    costs = SaveCosts(2, 0.03)
    costs.add_work(0, 30.0)
    costs.add_save(0, 0.5)
    (_, first), (_, second) = explain(costs, ["a_mapper", "b_filter"])
    assert first.startswith(
        "a_mapper: saved 1 time, 0.500 s each; 30.00 s of work a partition; a checkpoint pays after "
    )
    assert second.startswith("b_filter: not saved; not measured; ")


@pytest.mark.parametrize("seed", range(6))
def test_in_a_simulated_job_saving_stays_below_its_share_and_costs_less_than_it_saves(seed: int) -> None:
    """Workers fail at random; what is not saved is done again. Against no checkpoints and one after each operator."""
    draw = random.Random(seed)
    work_s = [draw.choice([0.5, 5.0, 60.0, 300.0]) for _ in range(OPERATORS)]
    save_s = [draw.choice([0.05, 0.5, 5.0]) for _ in range(OPERATORS)]
    failure_s = draw.choice([300.0, 3000.0, 30_000.0])
    auto = Simulated(work_s, save_s, failure_s, "auto")
    spent, whole = auto.run(partitions=300)
    assert spent <= 0.03 * auto.useful_s + max(save_s)
    _, none = Simulated(work_s, save_s, failure_s, "disabled").run(partitions=300)
    assert whole <= none * 1.02


class Simulated:
    """Partitions one after the other on one worker."""

    def __init__(self, work_s: list[float], save_s: list[float], failure_s: float, strategy: str) -> None:
        self.work_s, self.save_s, self.failure_s, self.strategy = work_s, save_s, failure_s, strategy
        self.costs = SaveCosts(len(work_s), 0.03)
        self.draw = random.Random(7)
        self.useful_s = 0.0

    def run(self, partitions: int) -> tuple[float, float]:
        """Seconds of saving, and of everything."""
        whole_s = spent_s = 0.0
        for _ in range(partitions):
            start = 0
            while start < len(self.work_s):
                start, took_s, saved_s = self.attempt(start)
                whole_s += took_s
                spent_s += saved_s
        return spent_s, whole_s

    def attempt(self, start: int) -> tuple[int, float, float]:
        """From an operator on: where the next attempt begins, what this one took, and what of that was saving."""
        dies_s = self.draw.expovariate(1 / self.failure_s)
        asked, took_s, unsaved_s, spent_s, saved = self.costs.rule(), 0.0, 0.0, 0.0, start
        for index in range(start, len(self.work_s)):
            took_s += self.work_s[index]
            if took_s > dies_s:
                self.costs.add_failure()
                return saved, dies_s, spent_s
            unsaved_s += self.work_s[index]
            self.costs.add_work(index, self.work_s[index])
            self.useful_s += self.work_s[index]
            if self.strategy == "auto" and asked.pays(
                index, len(self.work_s), unsaved_s=unsaved_s, worked_s=took_s, spent_s=spent_s
            ):
                took_s, spent_s, unsaved_s, saved = (
                    took_s + self.save_s[index],
                    spent_s + self.save_s[index],
                    0.0,
                    index + 1,
                )
                self.costs.add_save(index, self.save_s[index])
        return len(self.work_s), took_s, spent_s
