import pytest

from data_juicer.errors import BackendError

ray = pytest.importorskip("ray")


@pytest.mark.parametrize("address", ["auto", "local", "10.0.0.1:6379"])
@pytest.mark.parametrize(
    "error",
    [
        Exception("The current node timed out during startup.\nThis could happen because ..."),
        TimeoutError("no answer"),
        RuntimeError("version mismatch"),
    ],
)
def test_a_cluster_that_does_not_start_is_one_line(
    monkeypatch: pytest.MonkeyPatch, address: str, error: Exception
) -> None:
    from data_juicer.backends.ray import cluster

    def refuse(**_: object) -> None:
        raise error

    monkeypatch.setattr(cluster.ray, "init", refuse)
    monkeypatch.setattr(cluster.ray, "is_initialized", lambda: False)
    with pytest.raises(BackendError) as caught:
        cluster.join(address, 1)
    assert str(caught.value).startswith(f"ray_address: {address}: Ray cannot be started or reached: ")
    assert "\n" not in str(caught.value)
