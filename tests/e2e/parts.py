"""The real parts of an end-to-end test: SIP phones, trunk callers, the API, a browser with an agent in it.

Each polls with a deadline and tells what it saw when the deadline passes; nothing sleeps for luck.
"""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self, TypeVar

import aiohttp
from playwright.async_api import Browser, Page, async_playwright

T = TypeVar("T")
ROOT = Path(__file__).resolve().parents[2]
PHONES = ROOT / "docker" / "phones"
FRANK_PHONE = str(Path(__file__).with_name("frank_phone.py"))
CHROMIUM = os.environ.get("CALLBRIDGE_CHROMIUM", "/usr/bin/chromium")


@dataclass(frozen=True)
class Lab:
    """Where the lab under test is."""

    host: str
    sip_port: int
    web: str
    secrets: dict[str, str] = field(repr=False)
    containers: dict[str, str]  # service → container id
    ari: str  # Asterisk's HTTP server
    config: Path  # the file that Callbridge reads

    @classmethod
    def of(cls, addresses: dict[str, Any]) -> "Lab":
        """From what ``docker/labtool addresses`` prints."""
        lines = Path(addresses["secrets"]).read_text().splitlines()
        secrets = dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))
        sip = addresses["sip"]
        return cls(
            host=sip["host"],
            sip_port=sip["port"],
            web=addresses["web"],
            secrets=secrets,
            containers=addresses["containers"],
            ari=addresses["ari"],
            config=Path(addresses["config"]),
        )

    def password(self, agent: str) -> str:
        return self.secrets[f"SIP_PASSWORD_{agent}"]

    def web_password(self, login: str) -> str:
        return self.secrets[f"WEB_PASSWORD_{login.upper()}"]

    async def docker(self, *arguments: str) -> str:
        return (await self._docker(*arguments))[0]

    async def log(self, service: str, lines: int) -> str:
        """The last lines of what a container wrote to either of its outputs."""
        return "".join(await self._docker("logs", "--tail", str(lines), self.containers[service]))

    async def _docker(self, *arguments: str) -> tuple[str, str]:
        process = await asyncio.create_subprocess_exec(
            "docker", *arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
        )
        out, errors = await process.communicate()
        assert process.returncode == 0, f"docker {' '.join(arguments)}: {errors.decode()[-2000:]}"
        return out.decode(), errors.decode()

    async def is_ready(self) -> bool:
        """Whether Callbridge answers, with both links to Asterisk up."""
        try:
            async with aiohttp.ClientSession() as session, session.get(f"{self.web}/readyz") as reply:
                return reply.status == 200
        except aiohttp.ClientError:
            return False

    async def restart_callbridge(self) -> None:
        await self.docker("restart", self.containers["callbridge"])
        await eventually(self.is_ready, seconds=60)

    async def restart_asterisk(self) -> None:
        """The phones beside it as well: they would stay on the network of the Asterisk that is gone."""
        await self.docker("restart", "-t", "1", self.containers["asterisk"])
        await self.docker("restart", "-t", "1", self.containers["phones"])

    @asynccontextmanager
    async def away(self, how: str = "kill") -> AsyncIterator[None]:
        """Callbridge is away, killed ("kill": SIGKILL) or stopped in order ("stop"), and back afterwards.

        The engine takes either for a wish and does not start it again; a process that crashes, it does.
        """
        service = self.containers["callbridge"]
        if how == "stop":
            await self.docker("stop", service)
            # 137 would be: not within its grace period.
            assert (await self.docker("inspect", "-f", "{{.State.ExitCode}}", service)).strip() == "0"
        else:
            await self.docker("kill", "-s", "KILL", service)
        try:
            yield
        finally:
            await self.docker("start", service)
            await eventually(self.is_ready, seconds=60)

    async def crash_callbridge(self) -> None:
        """Its process dies; the engine starts it again by itself."""
        service = self.containers["callbridge"]
        count = ("inspect", "-f", "{{.RestartCount}}", service)
        before = int(await self.docker(*count))
        # The first process is docker-init; when its child dies, the shell dies with it.
        await self.docker("exec", service, "sh", "-c", "kill -9 $(cat /proc/1/task/1/children) || true")

        async def again() -> bool:
            return int(await self.docker(*count)) > before

        await eventually(again, seconds=30)
        await eventually(self.is_ready, seconds=60)

    async def asterisk(self, command: str) -> str:
        """What Asterisk's own command line answers."""
        return await self.docker("exec", self.containers["asterisk"], "asterisk", "-rx", command)


async def eventually(
    look: Callable[[], Awaitable[T]], good: Callable[[T], object] = bool, seconds: float = 15.0
) -> T:
    """What ``look`` gives once it is ``good``; fails with the last thing seen when the time is up."""
    seen: list[T] = []
    try:
        async with asyncio.timeout(seconds):
            while True:
                seen[:] = [await look()]
                if good(seen[0]):
                    return seen[0]
                await asyncio.sleep(0.05)
    except TimeoutError:
        raise AssertionError(f"not so within {seconds} s; last seen: {seen}") from None


class Program:
    """A process that tells what happens as JSON lines; its events stay, in order."""

    def __init__(self, process: asyncio.subprocess.Process, name: str) -> None:
        self.name = name
        self.events: list[dict[str, Any]] = []
        self._process = process
        self._news = asyncio.Event()
        self._reader = asyncio.create_task(self._read())

    @classmethod
    async def start(cls, name: str, script: str, *arguments: str, **environment: str) -> Self:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            str(PHONES / script),
            *arguments,
            env={**os.environ, **environment},
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        return cls(process, name)

    async def _read(self) -> None:
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            self.events.append(json.loads(line))
            self._news.set()

    async def event(self, name: str, number: int = 1, seconds: float = 20.0) -> dict[str, Any]:
        """The ``number``-th event of that name, as soon as there is one."""
        try:
            async with asyncio.timeout(seconds):
                while True:
                    found = [event for event in self.events if event["event"] == name]
                    if len(found) >= number:
                        return found[number - 1]
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            raise AssertionError(f"{self.name}: no {name} within {seconds} s; saw {self.events}") from None

    def events_of(self, name: str) -> list[dict[str, Any]]:
        return [event for event in self.events if event["event"] == name]

    def count(self, name: str) -> int:
        return len(self.events_of(name))

    async def do(self, **command: object) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(command).encode() + b"\n")
        await self._process.stdin.drain()

    @asynccontextmanager
    async def frozen(self) -> AsyncIterator[None]:
        """It does nothing, and its sound stops, as on a machine that has no time for it."""
        self._process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        """At once, without a word to anybody: as if the cable had been pulled."""
        self._process.kill()

    async def stop(self) -> None:
        if self._process.returncode is None:
            self._process.terminate()
        await asyncio.wait_for(self._process.wait(), 20)
        await self._reader


@asynccontextmanager
async def phone(
    lab: Lab,
    agent: str,
    *,
    tone: int = 440,
    answer: float | None = 0.3,
    talk: float | None = None,
    record: Path | None = None,
    script: str = "phone.py",
    lines: int = 1,
) -> AsyncIterator[Program]:
    """A registered agent's phone that says ``tone``. Unless they are None, it answers after ``answer``
    seconds, and hangs up after ``talk``, by itself."""
    options = ["--user", agent, "--server", lab.host, "--port", str(lab.sip_port), "--tone", str(tone)]
    options += ["--auto-answer", "none" if answer is None else str(answer)]
    options += ["--auto-hangup", str(talk)] if talk is not None else []
    options += ["--record", str(record)] if record is not None else []
    options += ["--lines", str(lines)]
    program = await Program.start(f"phone {agent}", script, *options, SIP_PASSWORD=lab.password(agent))
    try:
        await program.event("registered")
        yield program
    finally:
        await program.stop()


@asynccontextmanager
async def phones(lab: Lab, agents: Iterable[str], **options: Any) -> AsyncIterator[dict[str, Program]]:
    """Several agents' phones, by agent."""
    names = list(agents)
    async with AsyncExitStack() as stack:
        started = await asyncio.gather(
            *(stack.enter_async_context(phone(lab, agent, **options)) for agent in names)
        )
        yield dict(zip(names, started, strict=True))


@asynccontextmanager
async def outsider(
    lab: Lab, number: str, *, tone: int = 1000, record: Path, script: str = "phone.py"
) -> AsyncIterator[Program]:
    """A caller from the trunk with a phone that can be driven, and that keeps what he hears."""
    options = ["--trunk", "--user", number, "--server", lab.host, "--port", str(lab.sip_port)]
    options += ["--tone", str(tone), "--record", str(record)]
    program = await Program.start(f"outsider {number}", script, *options)
    try:
        await program.event("started")
        yield program
    finally:
        await program.stop()


@asynccontextmanager
async def caller(
    lab: Lab, dialled: str, *, number: str = "+79161234567", **options: object
) -> AsyncIterator[Program]:
    """A trunk caller (SIPp). ``withheld=True`` hides the number; see docker/phones/caller.py for the rest."""
    arguments = ["--server", lab.host, "--port", str(lab.sip_port), "--to", dialled, "--from", number]
    for name, value in options.items():
        arguments += [f"--{name}"] if value is True else [f"--{name}", str(value)]
    program = await Program.start(f"caller {number}", "caller.py", *arguments)
    try:
        yield program
    except AssertionError as error:
        error.add_note(f"{program.name} saw {program.events}")
        raise
    finally:
        await program.stop()


@dataclass
class Api:
    """The REST API with the lab's token."""

    lab: Lab
    session: aiohttp.ClientSession = field(repr=False)

    async def get(self, path: str, **params: str | int) -> Any:
        async with self.session.get(f"{self.lab.web}/api/v1{path}", params=params) as reply:
            assert reply.status == 200, f"{path}: {reply.status} {await reply.text()}"
            return await reply.json()

    async def order(self, method: str, path: str, body: object = None) -> Any:
        async with self.session.request(method, f"{self.lab.web}/api/v1{path}", json=body) as reply:
            assert reply.status in (200, 201, 202), f"{path}: {reply.status} {await reply.text()}"
            return await reply.json()

    async def refused(self, method: str, path: str, body: object, status: int) -> Any:
        """The problem that is told."""
        async with self.session.request(method, f"{self.lab.web}/api/v1{path}", json=body) as reply:
            assert reply.status == status, f"{path}: {reply.status} {await reply.text()}"
            return await reply.json()

    async def file(self, path: str) -> bytes:
        async with self.session.get(f"{self.lab.web}{path}") as reply:
            assert reply.status == 200, f"{path}: {reply.status}"
            return await reply.read()

    async def all(self, path: str, **params: str | int) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = []
        cursor: dict[str, str | int] = {}
        while True:
            page = await self.get(path, limit=100, **params, **cursor)
            items += page["items"]
            if page["next"] is None:
                return items
            cursor = {"cursor": page["next"]}

    async def agent(self, agent: str) -> dict[str, Any]:
        return next(item for item in (await self.get("/agents"))["items"] if item["id"] == agent)

    async def agent_is(self, agent: str, state: str, seconds: float = 15.0) -> None:
        await eventually(lambda: self.agent(agent), lambda seen: seen["state"] == state, seconds)

    async def call_from(self, number: str) -> dict[str, Any] | None:
        """The latest call of that number."""
        calls = (await self.get("/calls", limit=100))["items"]
        return next((call for call in calls if call["number"] == number), None)

    async def ended(self, number: str, seconds: float = 20.0) -> dict[str, Any]:
        """The latest call of that number, once it has its outcome."""

        async def look() -> dict[str, Any] | None:
            return await self.call_from(number)

        call = await eventually(look, lambda seen: seen is not None and seen["outcome"], seconds)
        assert call is not None
        return call

    async def waits(self, number: str, queue: str, seconds: float = 20.0) -> None:
        """Until that number's call stands in that queue."""

        async def look() -> dict[str, Any] | None:
            return await self.call_from(number)

        def good(seen: dict[str, Any] | None) -> bool:
            return seen is not None and seen["queue"] == queue and seen["outcome"] is None

        await eventually(look, good, seconds)

    async def offers(self, number: str) -> list[dict[str, Any]]:
        """To whom the latest call of that number was offered, in order."""
        call = await self.call_from(number)
        return [] if call is None else (await self.get(f"/calls/{call['id']}/offers"))["items"]

    async def order_agent(self, agent: str, state: str, **more: str) -> None:
        await self.order("POST", f"/agents/{agent}/state", {"state": state, **more})

    async def tickets_since(self, known: set[int]) -> list[dict[str, Any]]:
        return [ticket for ticket in await self.all("/tickets") if ticket["id"] not in known]


@asynccontextmanager
async def api_of(lab: Lab) -> AsyncIterator[Api]:
    headers = {"Authorization": f"Bearer {lab.secrets['API_TOKEN']}"}
    async with aiohttp.ClientSession(headers=headers) as session:
        yield Api(lab, session)


@asynccontextmanager
async def browser() -> AsyncIterator[Browser]:
    options = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=CHROMIUM, args=options)
        try:
            yield chromium
        finally:
            await chromium.close()


async def log_in(chromium: Browser, lab: Lab, login: str) -> Page:
    """That person's page in a browser context of its own."""
    context = await chromium.new_context(locale="ru-RU")
    page = await context.new_page()
    await page.goto(f"{lab.web}/login")
    await page.fill("input[name=login]", login)
    await page.fill("input[name=password]", lab.web_password(login))
    await page.click("main form button")
    await page.wait_for_url(f"{lab.web}/")
    return page
