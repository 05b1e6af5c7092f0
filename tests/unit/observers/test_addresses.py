import pytest

from data_juicer.observers.addresses import with_path


@pytest.mark.parametrize(
    ("address", "complete"),
    [
        ("http://host:4318", "http://host:4318/v1/traces"),
        ("http://host:4318/", "http://host:4318/v1/traces"),
        ("https://host?key=1", "https://host/v1/traces?key=1"),
        ("http://host/own/path", "http://host/own/path"),
    ],
)
def test_an_address_without_a_path_gets_that_of_the_protocol(address: str, complete: str) -> None:
    assert with_path(address, "/v1/traces") == complete
