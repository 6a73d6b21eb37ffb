"""The AMI adapter as the engine knows it: listener, translation and recorder put together."""

from collections.abc import Awaitable, Callable, Collection

import structlog

from bridge.ami.listener import Listener, Timing
from bridge.ami.messages import Headers, MissingHeader, read
from bridge.ami.recorder import start_recording
from bridge.ami.translate import Translator
from bridge.centre.facts import RecordingStarted
from bridge.centre.orders import StartRecording
from bridge.centre.plan import Plan
from bridge.engine.ports import Inbox, LinkState
from bridge.errors import Refused, RequestTimeout

_log = structlog.get_logger(__name__)


class AmiLink:
    """Implements ``ports.Recorder``. ``run`` until cancelled; ``on_up`` after each login.

    In manager.conf its user needs read = call,system (agent, to know an abandoned native queue for sure) and
    write = system,reporting.
    """

    def __init__(
        self,
        *,
        host: str,
        port: int,
        username: str,
        secret: str,
        inbox: Inbox,
        plan: Callable[[], Plan],
        trunks: Callable[[], Collection[str]],
        on_up: Callable[[], Awaitable[None]] | None = None,
        timing: Timing | None = None,
    ) -> None:
        self._inbox = inbox
        self._on_up = on_up
        self._translator = Translator(plan, trunks)
        self._listener = Listener(
            host=host,
            port=port,
            username=username,
            secret=secret,
            handle=self._handle,
            on_login=self._logged_in,
            timing=timing,
        )

    @property
    def state(self) -> LinkState:
        return self._listener.state

    async def run(self) -> None:
        await self._listener.run()

    async def start_recording(self, order: StartRecording) -> None:
        if not await start_recording(order, self._listener.ask, self._translator):
            await self._inbox.put(RecordingStarted(order.call, order.recording))

    async def _logged_in(self) -> None:
        # Whatever the list of channels does not name has ended while we were away. An Asterisk that is still
        # starting lets us in, and says so itself only later: so it is said here.
        self._listener.put({"event": "FullyBooted"})
        # The lists come as events in the same stream, so they cannot overtake a change or be overtaken.
        for action in ("DeviceStateList", "CoreShowChannels"):
            try:
                await self._listener.ask(action)
            except (Refused, RequestTimeout) as error:
                _log.error("AMI list not given", action=action, detail=str(error))
        if self._on_up is not None:
            await self._on_up()

    async def _handle(self, headers: Headers) -> None:
        facts = self._translator.refresh() if self._translator.plan_changed() else []
        try:
            message = read(headers)
            if message is not None:
                facts += self._translator.take(message)
        except MissingHeader as error:
            _log.error("AMI event skipped", action="ami_event", detail=str(error))
        except Exception:
            # Our own fault, with one event of one call: it must not end all the others.
            _log.exception(
                "AMI event could not be followed", action="ami_event", event_name=headers.get("event")
            )
        for fact in facts:
            await self._inbox.put(fact)
