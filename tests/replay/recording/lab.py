"""What a scenario is played on: four agents' phones, a client and another line beyond the trunk, and AMI."""

from collections.abc import Iterator
from contextlib import contextmanager

from tests.replay.recording.asterisk import AGENTS, Asterisk
from tests.replay.recording.manager import Driver, Recorded
from tests.replay.recording.phones import Call, Phone, ScenarioFailed, Switchboard
from tests.replay.recording.scenario import Scenario

_QUIET_S = 0.6


class Lab:
    def __init__(self, asterisk: Asterisk, driver: Driver, board: Switchboard) -> None:
        self._asterisk, self._driver, self._board = asterisk, driver, board
        self._recorded: Recorded | None = None
        # The trunk's registration says where Asterisk finds whoever is beyond it.
        beyond = board.phone_process()
        board.phone("trunk1", process=beyond)
        self.client = board.phone("+79161234567", "Иван Петров", registers=False, process=beyond)
        self.outside = board.phone("+74957654321", "Outside", registers=False, process=beyond)
        self.a, self.b, self.c, self.d = (board.phone(number, f"Agent {number}") for number in AGENTS)

    def record(self, scenario: Scenario) -> bytes:
        """Plays it and returns its trace. Raises ScenarioFailed; the lab is usable afterwards."""
        try:
            if not scenario.in_the_middle:
                self._listen(in_the_middle=False)
            scenario.play(self)
            self._board.wait(lambda: self._driver.channels() == 0, "all channels to end", 15)
            return self._end()
        finally:
            self._driver.hang_up_all()
            self._board.put_back()
            self._board.wait(lambda: self._driver.channels() == 0, "all channels to end", 15)
            self._board.idle = lambda: None
            if self._recorded is not None:
                self._recorded.close()
            self._recorded = None

    # ── for scenarios ────────────────────────────────────────────────────────

    def listen(self) -> None:
        """From here on, in the middle of calls, somebody listens, and has asked what there is."""
        recorded = self._listen(in_the_middle=True)
        self._board.wait(lambda: recorded.has(b"Event: CoreShowChannelsComplete"), "the list of channels")

    def pause(self, seconds: float = 0.3) -> None:
        self._board.pause(seconds)

    def talk(self, caller: Phone, number: str, taker: Phone) -> tuple[Call, Call]:
        """``caller`` dials ``number``, ``taker`` answers; both sides of it."""
        out = caller.dial(number)
        there = taker.rings()
        self.pause()
        there.pick_up()
        out.is_up()
        self.pause()
        return out, there

    def originate(self, **headers: str) -> None:
        reply = self._driver.ask("Originate", {"Async": "true", **headers})
        if reply["response"] != "Success":
            raise ScenarioFailed(f"Originate: {reply.get('message')}")

    # ── the recording ────────────────────────────────────────────────────────

    def _listen(self, *, in_the_middle: bool) -> Recorded:
        self._board.pause(0.2)  # what an earlier call left behind shall be over
        recorded = Recorded(self._asterisk, self._board.turn, in_the_middle=in_the_middle)
        self._recorded, self._board.idle = recorded, recorded.read
        return recorded

    def _end(self) -> bytes:
        recorded = self._recorded
        if recorded is None:
            raise ScenarioFailed("nobody listened: a scenario in the middle of calls says lab.listen()")
        came = -1
        while came != recorded.read():
            came = recorded.read()
            self._board.pause(_QUIET_S)
        return recorded.trace()


@contextmanager
def lab_on(asterisk: Asterisk) -> Iterator[Lab]:
    driver = Driver(asterisk)
    board = Switchboard(asterisk.address)
    try:
        yield Lab(asterisk, driver, board)
    finally:
        board.close()
        driver.close()
