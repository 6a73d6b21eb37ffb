"""A person before a screen: signed in, in a language, with a mouse whose clicks are counted, and watched.

Watched is whatever must never happen on a page: a script's error, a breach of the content-security policy,
a dialog, a resource that is not there, and markup of others that runs.
"""

from dataclasses import dataclass, field
from typing import Any

from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Dialog, Locator, Page

from bridge.web.i18n import COOKIE
from tests.integration.web.web_house import House

WIDE, NARROW = 1280, 420
_WATCH = """
addEventListener("securitypolicyviolation", (event) =>
  console.error(`policy: ${event.violatedDirective} ${event.blockedURI} ${event.sample}`));
Object.defineProperty(window, "__pwned", { set(value) { console.error(`it runs: ${value}`); } });
"""
# What sticks out of the page, the innermost of it; an element that scrolls by itself holds what is in it.
_OUTSIDE = """() => {
  const root = document.documentElement;
  if (root.scrollWidth <= root.clientWidth) return [];
  const held = (one) => {
    for (let above = one.parentElement; above && above !== document.body; above = above.parentElement)
      if (getComputedStyle(above).overflowX !== "visible") return true;
    return false;
  };
  const out = [...document.body.querySelectorAll("*")].filter((one) => {
    const box = one.getBoundingClientRect();
    const right = Math.max(box.right, one.scrollWidth > one.clientWidth ? box.left + one.scrollWidth : 0);
    return right > root.clientWidth + 1 && getComputedStyle(one).overflowX === "visible" && !held(one);
  });
  return [`${root.scrollWidth} of ${root.clientWidth} px`,
    ...out.filter((one) => !out.some((other) => other !== one && one.contains(other)))
      .slice(0, 5).map((one) => one.outerHTML.replace(/\\s+/g, " ").slice(0, 160))];
}"""


@dataclass
class Screen:
    page: Page
    base: str
    faults: list[str] = field(default_factory=list)
    clicks: int = 0
    _expected: set[int] = field(default_factory=set)

    def watch(self) -> None:
        self.page.on("console", self._said)
        self.page.on("pageerror", lambda error: self.faults.append(f"script: {error}"))
        self.page.on("dialog", self._dialog)

    def expect(self, status: int) -> None:
        """An answer with it is no fault: something is refused on purpose."""
        self._expected.add(status)

    async def open(self, path: str) -> Page:
        await self.page.goto(self.base + path)
        return self.page

    async def click(self, what: Locator) -> None:
        self.clicks += 1
        await what.click()

    async def outside(self) -> list[str]:
        """What makes the page scroll sideways."""
        found: list[str] = await self.page.evaluate(_OUTSIDE)
        return found

    async def tab_to(self, what: Locator, most: int = 80, back: bool = False) -> None:
        """From where the focus is, by the tab key alone; where it arrives it can be seen."""
        for _ in range(most):
            await self.page.keyboard.press("Shift+Tab" if back else "Tab")
            if await what.evaluate("(one) => document.activeElement === one"):  # drawn anew: another one
                assert await self.outlined(), f"nobody sees where the focus is: {what}"
                return
        raise AssertionError(f"the tab key does not lead to {what}")

    async def outlined(self) -> bool:
        """Whether what has the focus is told from all else, and in sight."""
        return bool(
            await self.page.evaluate(
                """() => {
                  const one = document.activeElement, box = one.getBoundingClientRect();
                  const style = getComputedStyle(one);
                  return one !== document.body && box.width > 0 && box.bottom > 0
                    && box.top < innerHeight && style.outlineStyle !== "none" && style.outlineWidth !== "0px";
                }"""
            )
        )

    async def focused(self) -> str:
        """What of its name, id or text tells which one it is."""
        found: str = await self.page.evaluate(
            "() => { const one = document.activeElement;"
            " return one.name || one.id || one.textContent.trim() || one.tagName; }"
        )
        return found

    def _said(self, message: ConsoleMessage) -> None:
        if message.type != "error":
            return
        text = f"{message.text} {message.location.get('url', '')}"
        if not any(f"status of {status} " in text or f"Code {status} " in text for status in self._expected):
            self.faults.append(text)

    async def _dialog(self, dialog: Dialog) -> None:
        self.faults.append(f"dialog: {dialog.message}")
        await dialog.dismiss()


class Screens:
    def __init__(self, chromium: Browser, house: House) -> None:
        self.house = house
        self._chromium = chromium
        self._contexts: list[BrowserContext] = []
        self._all: list[Screen] = []

    async def of(
        self, login: str | None, *, language: str = "en", width: int = WIDE, dark: bool = False, **more: Any
    ) -> Screen:
        """A browser of his own; None: of somebody who has not signed in."""
        context = await self._chromium.new_context(
            locale=language,
            extra_http_headers={"Accept-Language": language},
            viewport={"width": width, "height": 900},
            color_scheme="dark" if dark else "light",
            reduced_motion="reduce",
            **more,
        )
        self._contexts.append(context)
        await context.add_init_script(_WATCH)
        base = str(self.house.server.make_url("")).rstrip("/")
        if login is not None:
            await context.add_cookies([{**one, "url": base} for one in await self._session(login, language)])
        screen = Screen(await context.new_page(), base)
        screen.watch()
        self._all.append(screen)
        return screen

    async def _session(self, login: str, language: str) -> list[Any]:
        async with self.house.store.view() as unit:
            user = await unit.users.by_login(login)
        assert user is not None
        client = await self.house.sign_in(login, language=language)
        cookies = {one.key: one.value for one in client.session.cookie_jar}
        cookies[f"{COOKIE}_{user.id}"] = language
        return [{"name": name, "value": value} for name, value in cookies.items()]

    async def close(self) -> None:
        for context in self._contexts:
            await context.close()
        faults = [fault for screen in self._all for fault in screen.faults]
        assert not faults, "\n".join(faults)
