"""How long to wait before the next attempt."""

from bridge.engine.backoff import Backoff


def test_backoff_doubles_up_to_its_ceiling_and_starts_anew() -> None:
    backoff = Backoff(first=1, ceiling=10, jitter=lambda: 0.0)
    assert [backoff.next_delay() for _ in range(6)] == [1, 2, 4, 8, 10, 10]
    backoff.reset()
    assert backoff.next_delay() == 1


def test_backoff_jitter_takes_up_to_half() -> None:
    assert Backoff(first=1, jitter=lambda: 1.0).next_delay() == 0.5
    assert {0.5 <= Backoff(first=1).next_delay() <= 1 for _ in range(100)} == {True}


def test_backoff_survives_a_link_that_is_down_for_days() -> None:
    backoff = Backoff(jitter=lambda: 0.0)
    assert {backoff.next_delay() for _ in range(5000)} >= {10.0}
