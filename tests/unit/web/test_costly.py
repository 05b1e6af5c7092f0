"""Answers that are dear: found again when their job has gone on, and after a rest."""

from data_juicer.testing.clock import ManualClock
from data_juicer.web.costly import REST, Costly


def test_an_answer_is_found_again_once_its_stage_is_another_one_and_it_has_rested() -> None:
    clock, costly, found = ManualClock(), Costly[int](), []

    def find() -> int:
        clock.advance(2)
        found.append(len(found))
        return found[-1]

    assert [costly.get("a", clock, find), costly.get("a", clock, find)] == [0, 0]
    assert costly.get("b", clock, find) == 0  # it rests
    assert costly.get("the last", clock, find, may_rest=False) == 1
    clock.advance(2 * REST)
    assert [costly.get("a", clock, find), costly.get("b", clock, find)] == [2, 2]
