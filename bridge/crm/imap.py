"""One connection to a mailbox by IMAP (RFC 3501), blocking: it belongs to one thread. Knows no ticket.

IMAPClient, because it parses what servers answer (imaplib does not), has time limits, IDLE, MOVE and UIDPLUS,
and is maintained. The asyncio library (aioimaplib) is under the GPL, which this project is not.
"""

import contextlib
import socket
import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

from imapclient import IMAPClient, SocketTimeout
from imapclient.exceptions import IMAPClientAbortError, IMAPClientError, LoginError

from bridge.crm.letters import HEAD_BYTES, MAX_BYTES
from bridge.errors import LinkDown, Refused, RequestTimeout

_SEEN, _DELETED, _FLAGGED = b"\\Seen", b"\\Deleted", b"\\Flagged"


@dataclass(frozen=True, slots=True)
class Account:
    host: str
    port: int
    security: Literal["tls", "starttls", "none"]
    username: str
    password: str = field(repr=False)
    context: ssl.SSLContext = field(repr=False)
    folder: str = "INBOX"
    processed: str | None = None
    connect_seconds: float = 10.0
    read_seconds: float = 60.0  # between two pieces of an answer

    @property
    def name(self) -> str:
        return f"{self.username}@{self.host}/{self.folder}"


class Session:
    """All methods raise LinkDown, RequestTimeout or Refused, and then the session is of no use any more."""

    def __init__(self, account: Account) -> None:
        self.validity = self.next_uid = 0
        self._account = account
        self._connected: IMAPClient | None = None
        self._cut = False

    def open(self) -> None:
        """Connect, log in, open the folder."""
        account = self._account
        with self._errors("connect"):
            self._connected = IMAPClient(
                account.host,
                port=account.port,
                ssl=account.security == "tls",
                ssl_context=account.context,
                timeout=SocketTimeout(account.connect_seconds, account.read_seconds),
            )
            if self._cut:
                raise IMAPClientAbortError("called off")
        with self._errors("log in"):
            if account.security == "starttls":
                self._client.starttls(account.context)
            self._client.login(account.username, account.password)
        with self._errors("open the folder"):
            if account.processed is not None and not self._client.folder_exists(account.processed):
                self._client.create_folder(account.processed)
            self._select()

    @property
    def _client(self) -> IMAPClient:
        if self._connected is None:
            raise LinkDown(f"mailbox {self._account.name}: not connected")
        return self._connected

    def _select(self) -> None:
        told = self._client.select_folder(self._account.folder)
        self.validity, self.next_uid = _number(told, b"UIDVALIDITY"), _number(told, b"UIDNEXT")

    def unread(self, upto: int, *, left: bool = True) -> Sequence[int]:
        """UIDs up to this one that nobody has marked as read; ``left``: those that we left alone as well."""
        if upto < 1:
            return []
        with self._errors("search"):
            wanted = ["UID", f"1:{upto}", "UNSEEN", "UNDELETED", *([] if left else ["UNFLAGGED"])]
            found = self._client.search(wanted)
        return sorted(uid for uid in found if uid <= upto)

    def after(self, uid: int) -> Sequence[int]:
        """Greater UIDs, in their order. ``N:*`` names the last mail even if it is an older one."""
        with self._errors("search"):
            found = self._client.search(["UID", f"{uid + 1}:*", "UNDELETED"])
        return sorted(one for one in found if one > uid)

    def size(self, uid: int) -> int | None:
        """None: it is gone meanwhile."""
        with self._errors("ask for a size"):
            told = self._client.fetch([uid], ["RFC822.SIZE"]).get(uid)
        return int(told[b"RFC822.SIZE"]) if told is not None and b"RFC822.SIZE" in told else None

    def fetch(self, uid: int, *, head: bool = False) -> bytes | None:
        """All of it, or what its header fits into; never more than was asked for. None: it is gone."""
        most = HEAD_BYTES if head else MAX_BYTES
        with self._errors("fetch a mail"):
            told = self._client.fetch([uid], [f"BODY.PEEK[]<0.{most}>"]).get(uid)
        content = (told or {}).get(b"BODY[]<0>")
        return content[:most] if isinstance(content, bytes) else None

    def settle(self, uids: Sequence[int]) -> None:
        """Mark as read, and move away if there is a folder for that."""
        if not uids:
            return
        with self._errors("mark what was taken"):
            self._client.add_flags(uids, [_SEEN], silent=True)
            if self._account.processed is None:
                return
            if self._client.has_capability("MOVE"):
                self._client.move(uids, self._account.processed)
                return
            self._client.copy(uids, self._account.processed)
            self._client.add_flags(uids, [_DELETED], silent=True)
            # Without UIDPLUS an EXPUNGE would remove what somebody else has marked as well.
            if self._client.has_capability("UIDPLUS"):
                self._client.uid_expunge(uids)

    def leave(self, uid: int) -> None:
        """Flag what was not taken: it stays where it is, for people."""
        with self._errors("flag a mail"):
            self._client.add_flags([uid], [_FLAGGED], silent=True)

    @property
    def tells(self) -> bool:
        with self._errors("ask what it can"):
            return bool(self._client.has_capability("IDLE"))

    def wait(self, seconds: float) -> None:
        """Until the server tells of something (RFC 2177), or so long."""
        with self._errors("wait for mail"):
            self._client.idle()
            try:
                told = self._client.idle_check(timeout=seconds)
                if any(line[:1] == (b"BYE",) for line in told):
                    raise IMAPClientAbortError("the server says goodbye")
            finally:
                self._client.idle_done()

    def cut(self) -> None:
        """From any thread: what is under way ends with an error."""
        self._cut = True
        if self._connected is not None:
            with contextlib.suppress(OSError):
                self._connected.socket().shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Without a word: the server knows this as well as a LOGOUT, and cannot keep us waiting."""
        if self._connected is not None:
            with contextlib.suppress(OSError, IMAPClientError):
                self._connected.shutdown()

    @contextmanager
    def _errors(self, doing: str) -> Iterator[None]:
        place = f"mailbox {self._account.name} (port {self._account.port}): {doing}"
        try:
            yield
        except LoginError as error:
            raise Refused(f"{place}: {_words(error)}; check the user and IMAP_PASSWORD") from error
        except TimeoutError as error:
            raise RequestTimeout(f"{place}: no answer in time") from error
        except IMAPClientAbortError as error:
            raise LinkDown(f"{place}: {_words(error)}") from error
        except IMAPClientError as error:
            raise Refused(f"{place}: {_words(error)}") from error
        except OSError as error:  # TLS as well
            raise LinkDown(f"{place}: {_words(error)}") from error


def _number(told: Any, name: bytes) -> int:
    value = told.get(name)
    if not isinstance(value, int):
        raise IMAPClientError(f"the server tells no {name.decode()}: mails cannot be told apart")
    return value


def _words(error: Exception) -> str:
    return " ".join(str(error).split())[:200]
