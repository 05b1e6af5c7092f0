from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_juicer.errors import ConfigError
from data_juicer.job.ids import check_job_id, make_job_id

NOW = datetime(2025, 3, 13, 18, 9, 11, tzinfo=UTC)


def test_an_id_says_when_from_what_and_which() -> None:
    assert make_job_id(NOW, "demo", "b71c") == "20250313_180911_demo_b71c"


def test_an_id_is_made_in_utc() -> None:
    there = NOW.astimezone(timezone(timedelta(hours=8)))
    assert make_job_id(there, "demo", "b71c") == "20250313_180911_demo_b71c"


@given(st.text(), st.text("0123456789abcdef", min_size=4, max_size=6))
def test_every_made_id_is_allowed_and_says_when_and_which(config_name: str, suffix: str) -> None:
    made = check_job_id(make_job_id(NOW, config_name, suffix))
    assert made.startswith("20250313_180911_")
    assert made.endswith(f"_{suffix}")


@pytest.mark.parametrize("job_id", ["a", "a" * 128, "1", "_", "a.b", "A..b"])
def test_ids_that_can_name_a_directory_are_taken(job_id: str) -> None:
    assert check_job_id(job_id) == job_id


@pytest.mark.parametrize(
    "job_id", ["", ".", "..", ".a", "a/b", "a\\b", "a b", "a\n", "a\0", "a" * 129, "é", "а", "１", "\ud800"]
)
def test_other_ids_are_refused_in_one_printable_line(job_id: str) -> None:
    with pytest.raises(ConfigError) as caught:
        check_job_id(job_id)
    message = str(caught.value)
    assert message.isascii()
    assert message.isprintable()
    assert "1 to 128" in message
