"""Which attempts take too long, by the times that are given."""

from __future__ import annotations

from data_juicer.engine.scheduling.stragglers import FACTOR, SAMPLES_MAX, SAMPLES_MIN, StragglerWatch
from data_juicer.plan.tasks import Task, TaskKey, TaskKind


def task(partition: int, *, base: int | None = None, segment: int = 0) -> Task:
    return Task(key=TaskKey(TaskKind.STAGE, partition, 3), end="result", base=base, segment=segment)


class Watch(StragglerWatch):
    """Attempts by their partition."""

    def run(self, partition: int, worker: str, start_s: float, duration_s: float) -> None:
        """An attempt from its submission to its end."""
        self.submit(task(partition))
        self.begin(task(partition).key, worker, start_s)
        self.end(task(partition).key, duration_s)

    def start(self, partition: int, worker: str, start_s: float) -> None:
        self.submit(task(partition))
        self.begin(task(partition).key, worker, start_s)

    def found(self, now_s: float) -> list[int]:
        return [straggler.task.number for straggler in self.look(now_s)]


def warm_watch(duration_s: float = 2.0) -> Watch:
    """Two workers have ended enough attempts to know how long one takes."""
    watch = Watch()
    for number in range(2 * SAMPLES_MIN):
        watch.run(100 + number, f"w{number % 2}", 0.0, duration_s)
    return watch


def test_an_attempt_is_a_straggler_after_three_times_what_the_others_took() -> None:
    watch = warm_watch(2.0)
    watch.start(1, "w0", 10.0)
    assert watch.found(10.0 + FACTOR * 2.0) == []
    (straggler,) = watch.look(10.1 + FACTOR * 2.0)
    assert (straggler.task.number, straggler.usual_s) == (1, 2.0)


def test_nothing_is_a_straggler_before_enough_attempts_have_ended() -> None:
    watch = Watch()
    watch.start(1, "w0", 0.0)
    for number in range(SAMPLES_MIN - 1):
        watch.run(100 + number, "w1", 0.0, 1.0)
    assert watch.found(1e6) == []


def test_one_slow_attempt_among_many_does_not_excuse_the_next() -> None:
    watch = warm_watch(2.0)
    for number in range(40):
        watch.run(number, "w0", 0.0, 2.0)
    watch.run(50, "w0", 0.0, 500.0)
    watch.start(1, "w0", 10.0)
    assert watch.found(20.0) == [1]


def test_short_attempts_are_left_alone_whatever_the_others_take() -> None:
    watch = warm_watch(0.01)
    watch.start(1, "w0", 10.0)
    assert watch.found(11.9) == []
    assert watch.found(12.1) == [1]


def test_the_first_attempt_of_a_worker_is_compared_with_other_first_attempts() -> None:
    watch = Watch()
    for worker in ("w0", "w1"):
        watch.run(0, worker, 0.0, 60.0)  # a model was loaded
    for number in range(20):
        watch.run(number, "w0", 0.0, 1.0)
    watch.start(30, "w0", 100.0)
    watch.start(31, "new", 100.0)
    assert watch.found(104.0) == [30]
    assert watch.found(100.0 + 3 * 60.0 + 1.0) == [30, 31]


def test_workers_that_are_ended_while_they_start_leave_the_next_ones_more_time() -> None:
    watch = Watch()
    for worker in ("w0", "w1", "w2"):
        watch.run(0, worker, 0.0, 10.0)
    waits = []
    for number in range(3):
        watch.start(number, f"slow {number}", 0.0)
        waits.append(next(now_s for now_s in range(10, 1000, 10) if number in watch.found(float(now_s))))
        watch.give_up(task(number).key)
        watch._now_s = 0.0
    assert waits == [40, 70, 130]


def test_an_attempt_that_waits_for_a_free_worker_is_no_straggler() -> None:
    watch = warm_watch(1.0)
    watch.start(1, "w0", 10.0)
    watch.submit(task(2))
    assert 2 not in watch.found(10_000.0)


def test_an_attempt_that_another_one_passed_sits_with_a_worker_that_does_nothing() -> None:
    watch = warm_watch(1.0)
    watch.submit(task(1))
    watch.start(2, "w0", 10.0)
    watch.end(task(2).key, 1.0)
    watch.start(3, "w0", 11.0)
    assert watch.found(12.9) == []
    assert watch.found(13.5) == [1]


def test_stages_of_another_segment_pass_nothing() -> None:
    watch = warm_watch(1.0)
    watch.start(9, "w1", 10.0)
    watch.submit(task(1))
    other = task(2, segment=1)
    watch.submit(other)
    watch.begin(other.key, "gpu", 10.0)
    assert 1 not in watch.found(1_000.0)


def test_the_last_attempt_is_noticed_when_nothing_at_all_runs() -> None:
    watch = warm_watch(1.0)
    watch.look(10.0)
    watch.submit(task(1))
    assert watch.found(12.0) == []
    assert watch.found(13.5) == [1]


def test_where_too_few_began_at_a_checkpoint_those_from_the_source_are_the_measure() -> None:
    watch = warm_watch(2.0)
    late = task(1, base=1)
    watch.submit(late)
    watch.begin(late.key, "w0", 10.0)
    assert watch.found(17.0) == [1]


def test_what_is_remembered_of_a_kind_is_bounded_and_the_newest() -> None:
    watch = warm_watch(2.0)
    for number in range(2 * SAMPLES_MAX):
        watch.run(number, "w0", 0.0, 50.0)
    watch.start(1, "w0", 10.0)
    assert watch.found(10.0 + 149.0) == []
    assert watch.found(10.0 + 151.0) == [1]
