"""From the trunk's INVITE to the agent's INVITE and to the visible card, on the lab's real parts, in one run.

Every figure is printed and written by name into build/bench.json. Nothing is asserted: machines differ.
"""

import argparse
import asyncio

from playwright.async_api import Page

from tests.bench.lab import ONE_CALL, bench_lab
from tests.bench.parts import Figures, Row, keep, percentile, show
from tests.e2e.parts import Lab, Program, api_of, browser, caller, eventually, log_in, phone

CALLS = 20

WATCH = """
() => {
  window.cardsSeen = {};
  const look = () => {
    const card = document.querySelector('article[data-call]');
    if (card && card.checkVisibility() && !(card.dataset.call in window.cardsSeen)) {
      const at = (performance.timeOrigin + performance.now()) / 1000;
      window.cardsSeen[card.dataset.call] = at;
    }
  };
  const all = {childList: true, subtree: true, attributes: true};
  new MutationObserver(look).observe(document.documentElement, all);
  look();
}
"""


async def one(lab: Lab, page: Page, anna: Program, number: int) -> tuple[float, float]:
    """Milliseconds from the trunk's INVITE to the agent's, and from the ring to the visible card."""
    before = set(await page.evaluate("Object.keys(window.cardsSeen)"))
    async with caller(lab, ONE_CALL, talk=0.5, wait=0.1) as client:
        invited = await client.event("invited")
        incoming = await anna.event("incoming", number)

        async def seen() -> list[float]:
            cards = await page.evaluate("window.cardsSeen")
            return [at for call, at in cards.items() if call not in before]

        (visible,) = await eventually(seen)
        await client.event("done", seconds=60)
    return (incoming["wall"] - invited["wall"]) * 1000, (visible - incoming["wall"]) * 1000


async def measure(lab: Lab, calls: int = CALLS) -> Figures:
    to_agent, to_card = [], []
    async with api_of(lab) as api, browser() as chromium, phone(lab, "1001", answer=0.3) as anna:
        page = await log_in(chromium, lab, "1001")
        await page.evaluate(WATCH)
        for number in range(1, calls + 1):
            await api.agent_is("1001", "ready", 30)
            invite, card = await one(lab, page, anna, number)
            to_agent.append(invite)
            to_card.append(card)
            print(f"\r  {number}/{calls}", end="", flush=True)
    print()
    return {
        "invite_to_agent_invite_p50_ms": percentile(to_agent, 0.5),
        "invite_to_agent_invite_p95_ms": percentile(to_agent, 0.95),
        "ring_to_card_p50_ms": percentile(to_card, 0.5),
        "ring_to_card_p95_ms": percentile(to_card, 0.95),
        "calls": calls,
    }


def _times(figures: Figures, name: str) -> str:
    return f"p50 {figures[f'{name}_p50_ms']:7.1f}   p95 {figures[f'{name}_p95_ms']:7.1f} ms"


ROWS: list[Row] = [
    (
        "trunk's INVITE to the agent's INVITE",
        lambda f: _times(f, "invite_to_agent_invite"),
    ),
    (
        "agent's INVITE to the card on his screen",
        lambda f: _times(f, "ring_to_card"),
    ),
]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--calls", type=int, default=CALLS)
    options = parser.parse_args()
    with bench_lab() as lab:
        figures = asyncio.run(measure(lab, options.calls))
    keep(figures)
    show(figures, ROWS)


if __name__ == "__main__":
    main()
