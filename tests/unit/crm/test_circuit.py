"""A peer that fails again and again is left alone for a while, and tried by one."""

from bridge.crm.circuit import FAILURES, FIRST_SECONDS, LONGEST_SECONDS, Circuit


class Time:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def opened() -> tuple[Circuit, Time]:
    time = Time()
    circuit = Circuit(time)
    results = []
    for _ in range(FAILURES):
        assert circuit.may_ask()
        results.append(circuit.failed())
    assert results == [False] * (FAILURES - 1) + [True]
    return circuit, time


def test_failures_in_a_row_open_it() -> None:
    circuit, _ = opened()
    assert not circuit.may_ask()


def test_a_success_between_them_does_not() -> None:
    circuit = Circuit(Time())
    for _ in range(10):
        circuit.failed()
        circuit.succeeded()
    assert circuit.may_ask()


def test_one_tries_it_again_and_his_success_closes_it() -> None:
    circuit, time = opened()
    time.now = FIRST_SECONDS
    assert circuit.may_ask()
    assert not circuit.may_ask(), "one is enough to try it"
    circuit.succeeded()
    assert circuit.may_ask()
    assert circuit.may_ask()


def test_his_failure_opens_it_for_longer_and_not_for_ever() -> None:
    circuit, time = opened()
    waits = []
    for _ in range(12):
        assert circuit.open_until is not None
        waits.append(circuit.open_until - time.now)
        time.now = circuit.open_until
        assert circuit.may_ask()
        assert circuit.failed()
    assert waits[:3] == [FIRST_SECONDS, FIRST_SECONDS * 2, FIRST_SECONDS * 4]
    assert waits[-1] == LONGEST_SECONDS


def test_those_asked_before_it_was_opened_change_nothing() -> None:
    circuit, _ = opened()
    until = circuit.open_until
    assert not circuit.failed()
    assert circuit.open_until == until
    circuit.succeeded()
    assert circuit.may_ask()
