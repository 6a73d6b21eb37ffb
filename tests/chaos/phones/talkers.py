"""The benchmarks' agents, who tell also with whom they talk and who ended it. Standard library only.

It runs in the lab's ``phones`` container, beside a copy of tests/bench/agents.py, and takes what that takes.

    argv    more: "seed": of the talks' lengths
    stdin   more: {"do": "talk", "talk": [s, s], "within": s}: so long from now on, and whoever talks now
            hangs up within that time
    stdout  more: {"event": "ringing" | "talking" | "ended", "agent", "dialog", "number", "at": s}
            "ended" has "by": "us" (he hung up) | "them" (Asterisk did) | "cancel" (it rang no longer)
"""

import json
import random
import sys
import time
from dataclasses import dataclass, field

from agents import Dialog, Message, Phones, emit, number_of


@dataclass
class Talkers(Phones):
    seed: str = ""
    talked: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed)  # not the module's: its tags must differ from run to run
        self.length = self.talk_s

    def tell(self, event: str, dialog: Dialog, **more: object) -> None:
        call, number = dialog.invite.headers["call-id"], number_of(dialog.invite)
        emit(event, agent=dialog.agent.user, dialog=call, number=number, at=time.time(), **more)

    def command(self, given: dict[str, object]) -> None:  # type: ignore[override]
        if given.get("do") != "talk":
            super().command(given)  # type: ignore[arg-type]
            return
        first, last = given["talk"]  # type: ignore[misc]
        self.length = (float(first), float(last))
        self.talked = set(self.agents)
        for dialog in self.dialogs.values():
            if dialog.acked and not dialog.ending:
                later = self.chance.uniform(0.2, float(given["within"]))  # type: ignore[arg-type]
                self.after(later, lambda dialog=dialog: self.hang_up(dialog))  # type: ignore[misc]

    def ring(self, invite: Message, at: int) -> None:
        super().ring(invite, at)
        dialog = self.dialogs.get(invite.headers["call-id"])
        if dialog is not None:
            self.tell("ringing", dialog)

    def on_request(self, message: Message, at: int) -> None:
        method = message.first.split(" ", 1)[0]
        dialog = self.dialogs.get(message.headers["call-id"])
        if method == "ACK" and dialog is not None and not dialog.acked:
            self.tell("talking", dialog)
            self.talk_s = (self.next_length(dialog.agent.user),) * 2
        elif method in ("BYE", "CANCEL") and dialog is not None and not dialog.ending:
            self.tell("ended", dialog, by="them" if method == "BYE" else "cancel")
        super().on_request(message, at)

    def next_length(self, agent: str) -> float:
        """The first talk is the rest of one: as if the agents had been at work for long."""
        if agent in self.talked:
            return self.chance.uniform(*self.length)
        self.talked.add(agent)
        return self.chance.uniform(1.0, self.length[1])

    def hang_up(self, dialog: Dialog, tries: int = 8) -> None:
        alive = self.dialogs.get(dialog.invite.headers["call-id"]) is dialog
        if alive and not dialog.ending:
            self.tell("ended", dialog, by="us")
        super().hang_up(dialog, tries)


def main() -> None:
    given = json.loads(sys.argv[1])
    host, port = given["server"]
    first, last = given["talk"]
    given_s = given["answer"], (first, last)
    phones = Talkers((host, port), given["port"], given["sound"], *given_s, seed=given["seed"])
    phones.open()
    phones.run()


if __name__ == "__main__":
    main()
