"""Which ticket a mail goes to, whoever wrote it, and what it may set going."""

import pytest

from bridge.crm.letters import Received, read
from bridge.crm.threads import Known, KnownTicket, Thread, Way, asked_for, thread_of

OURS = frozenset({"help@daisy.example"})
PRINTER = KnownTicket(7, frozenset({"Maria@example.org"}))
PHONE = KnownTicket(8, frozenset({"ivan@example.org"}))
KNOWN = Known({"<seven@daisy.example>": PRINTER, "<eight@daisy.example>": PHONE}, by_token=PHONE)


def mail(*fields: str, sender: str = "maria@example.org", body: str = "Hello") -> Received:
    raw = "\n".join((f"From: {sender}", *fields, "", body)).encode()
    return read(raw, own_marker="marker")


def thread(received: Received, known: Known = KNOWN, most_new: int = 3) -> Thread:
    return thread_of(received, known, own=OURS, most_new=most_new)


TOKEN = "Subject: [#K7QF2M9XDHPA]"
SEVEN, EIGHT = "<seven@daisy.example>", "<eight@daisy.example>"
AUTO = "Auto-Submitted: auto-replied"


@pytest.mark.parametrize(
    ("received", "expected"),
    [
        (mail(f"In-Reply-To: {SEVEN}"), Thread(Way.REFERENCE, 7)),
        (mail(f"References: <x@y> {SEVEN} <z@y>"), Thread(Way.REFERENCE, 7)),
        (mail(f"References: {EIGHT} {SEVEN}"), Thread(Way.REFERENCE, 7)),  # the nearest one
        (mail(f"In-Reply-To: {SEVEN}", f"References: {EIGHT}", TOKEN), Thread(Way.REFERENCE, 7)),
        (mail(TOKEN, sender="ivan@example.org"), Thread(Way.TOKEN, 8)),
        (mail(TOKEN), Thread(Way.TOKEN, 8, stranger=True)),  # passed on, or seen somewhere
        (mail(f"In-Reply-To: {SEVEN}", sender="IVAN@example.org"), Thread(Way.REFERENCE, 7, stranger=True)),
        (mail(f"In-Reply-To: {SEVEN}", sender="nobody"), Thread(Way.REFERENCE, 7, stranger=True)),
        (mail("In-Reply-To: <unknown@y>"), Thread(Way.NEW)),
        (mail("Subject: [#SHORT]"), Thread(Way.NEW)),
        (mail(), Thread(Way.NEW)),
        # nobody wrote it by hand
        (mail(f"In-Reply-To: {SEVEN}", AUTO), Thread(Way.REFERENCE, 7, quiet=True)),
        (mail(f"In-Reply-To: {SEVEN}", sender="mailer-daemon@mx"), Thread(Way.REFERENCE, 7, quiet=True)),
        (mail(AUTO), Thread(Way.IGNORED, quiet=True)),
        (mail("Return-Path: <>"), Thread(Way.IGNORED, quiet=True)),
        (mail("Auto-Submitted: auto-generated"), Thread(Way.NEW, quiet=True)),
        (mail("Precedence: bulk"), Thread(Way.NEW, quiet=True)),
        (mail("X-Callbridge-Loop: marker", TOKEN), Thread(Way.IGNORED, quiet=True)),
        (mail("X-Callbridge-Loop: of another house", TOKEN), Thread(Way.TOKEN, 8, stranger=True)),
        (mail(sender="Help@daisy.example"), Thread(Way.NEW, quiet=True)),  # we do not answer ourselves
    ],
)
def test_where_it_goes(received: Received, expected: Thread) -> None:
    known = KNOWN if received.token else Known(KNOWN.by_message)
    assert thread(received, known) == expected


REPORT = """
--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx

Action: {action}
Final-Recipient: rfc822; maria@example.org

--b
Content-Type: message/rfc822

Message-ID: {about}

--b--"""


@pytest.mark.parametrize(
    ("action", "about", "expected"),
    [
        ("failed", SEVEN, Thread(Way.REPORT, 7, quiet=True)),
        ("delayed", SEVEN, Thread(Way.IGNORED, quiet=True)),
        ("failed", "<not@ours>", Thread(Way.IGNORED, quiet=True)),
    ],
)
def test_a_report_is_told_on_the_mail_that_it_is_about(action: str, about: str, expected: Thread) -> None:
    received = mail(
        "Content-Type: multipart/report; report-type=delivery-status; boundary=b",
        sender="mailer-daemon@mx",
        body=REPORT.format(action=action, about=about),
    )
    assert thread(received) == expected
    assert asked_for(received)[0] == about


def test_too_many_new_ones_are_held_together() -> None:
    known = Known(opened=3, newest=PRINTER)
    assert thread(mail(), Known(opened=2, newest=PRINTER)) == Thread(Way.NEW)
    assert thread(mail(), known) == Thread(Way.FLOOD, 7, quiet=True)
    answer = mail(f"In-Reply-To: {EIGHT}")
    assert thread(answer, Known(KNOWN.by_message, opened=9, newest=PRINTER)).ticket == 8
