"""The mails of tickets as they are written: in their thread, with nobody's text as a header."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bridge.crm.attachments import Kept
from bridge.crm.letter_headers import LOOP_MARKER, Automatic, Party
from bridge.crm.letters import file_name, read
from bridge.crm.mail import own_marker
from bridge.crm.replies import new_message_id, subject_of, written
from bridge.crm.ticket_mail import Outgoing
from bridge.errors import BadInput

US, AT = "help@daisy.example", datetime(2026, 3, 2, 9, tzinfo=UTC)
ANSWER = Outgoing(
    entry=1,
    message_id="<ours@daisy.example>",
    subject="AW: Re: Printer",
    token="K7QF2M9XDHPA",
    text="It is repaired.\n\nС уважением\n",
    to=(Party("maria@example.org", "Мария"),),
    cc=(Party("Help@daisy.example"), Party("ivan@example.org"), Party("maria@example.org")),
    from_name="Поддержка",
    answers="<two@example.org>",
    references=("<one@example.org>",),
)


def raw(outgoing: Outgoing, files: Sequence[tuple[Kept, bytes]] = ()) -> tuple[bytes, list[str]]:
    return written(outgoing, files, sender=US, company="ООО «Ромашка»", own={US}, at=AT)


def parsed(outgoing: Outgoing, files: Sequence[tuple[Kept, bytes]] = ()) -> EmailMessage:
    message = message_from_bytes(raw(outgoing, files)[0], policy=policy.default)
    assert isinstance(message, EmailMessage)
    return message


def test_an_answer_is_in_its_thread() -> None:
    message = parsed(ANSWER)
    assert message["Subject"] == "Re: Printer [#K7QF2M9XDHPA]"
    assert (message["Message-ID"], message["In-Reply-To"]) == ("<ours@daisy.example>", "<two@example.org>")
    assert message["References"] == "<one@example.org> <two@example.org>"
    assert message["From"] == "Поддержка <help@daisy.example>"
    assert message["To"] == "Мария <maria@example.org>"
    assert message["Cc"] == "ivan@example.org"
    assert message["Auto-Submitted"] is None
    assert message.get_content_type() == "text/plain"
    assert message.get_content().replace("\r\n", "\n") == "It is repaired.\n\nС уважением\n"
    assert raw(ANSWER)[1] == ["maria@example.org", "ivan@example.org"]


def test_it_is_known_when_it_comes_back() -> None:
    assert read(raw(ANSWER)[0], own_marker=own_marker(US)).automatic is Automatic.OWN
    assert read(raw(ANSWER)[0]).token == ANSWER.token


def test_what_nobody_wrote_says_so() -> None:
    message = parsed(replace(ANSWER, automatic=True))
    assert (message["Auto-Submitted"], message["X-Auto-Response-Suppress"]) == ("auto-replied", "All")
    first = parsed(replace(ANSWER, automatic=True, answers=None, references=()))
    assert (first["Auto-Submitted"], first["In-Reply-To"], first["References"]) == (
        "auto-generated",
        None,
        None,
    )


@pytest.mark.parametrize(
    ("subject", "expected"),
    [
        ("Printer", "Printer [#T]"),
        ("Re: RE[2]: Fwd: Ответ: Printer", "Printer [#T]"),
        ("Printer [#K7QF2M9XDHPA] again [#AAAABBBBCCCC]", "Printer again [#T]"),
        ("Refund: yes", "Refund: yes [#T]"),
        ("", " [#T]"),
        ("a\r\nBcc: x", "a Bcc: x [#T]"),
    ],
)
def test_the_subject_has_one_token_and_one_re(subject: str, expected: str) -> None:
    assert subject_of(subject, "T", answers=False) == expected
    assert subject_of(subject, "T", answers=True) == f"Re: {expected}"


def test_ids_are_new_each_time() -> None:
    assert new_message_id(US) != new_message_id(US)
    assert new_message_id(US).endswith("@daisy.example>")


def test_files_go_with_it() -> None:
    files = [
        (Kept("Счёт.pdf", "application/pdf", 4, "", ""), b"%PDF"),
        (Kept("page.html", "text/html", 3, "", ""), b"<p>"),
    ]
    mail = read(raw(ANSWER, files)[0])
    assert [(one.name, one.media_type, one.content) for one in mail.attachments] == [
        ("Счёт.pdf", "application/pdf", b"%PDF"),
        ("page.html", "application/octet-stream", b"<p>"),
    ]


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        (replace(ANSWER, to=(Party("nobody"),)), "is not a mail address"),
        (replace(ANSWER, to=(Party(US),), cc=()), "none but ourselves"),
        (replace(ANSWER, to=tuple(Party(f"a{n}@example.org") for n in range(51))), "more than 50"),
    ],
)
def test_whom_it_cannot_go_to(changed: Outgoing, words: str) -> None:
    with pytest.raises(BadInput, match=words):
        raw(changed)


def test_a_long_thread_is_shortened_in_the_middle() -> None:
    ids = tuple(f"<{n}{'x' * 200}@example.org>" for n in range(100))
    found = parsed(replace(ANSWER, references=ids))["References"].split()
    assert (found[0], found[-1]) == (ids[0], "<two@example.org>")
    assert sum(map(len, found)) < 5_000
    assert set(found) <= {*ids, "<two@example.org>"}


TEXT = st.one_of(
    st.text(max_size=60),
    st.lists(
        st.sampled_from(
            ["=?utf-8?q?", "=0D=0ABcc:=20x@evil.example", "?=", "\r\n", "Bcc: ", "[#AAAABBBBCCCC]", "Re: "]
        ),
        max_size=8,
    ).map("".join),
)
FIELDS = {"From", "To", "Cc", "Subject", "Date", "Message-ID", "In-Reply-To", "References", LOOP_MARKER}
BODY = {"Content-Type", "Content-Transfer-Encoding", "MIME-Version", "Content-Disposition"}


@given(subject=TEXT, name=TEXT, id=TEXT, text=TEXT, file=TEXT)
@example(
    "=?utf-8?q?a=0D=0ABcc:=20x@evil.example?=", "=?utf-8?q?a=0D=0ABcc:x?=", "=?utf-8?q?=0ABcc:?=", ".", "a"
)
@settings(max_examples=60, deadline=None)
def test_no_text_becomes_a_header(subject: str, name: str, id: str, text: str, file: str) -> None:
    outgoing = replace(
        ANSWER,
        subject=subject,
        from_name=name,
        to=(Party("maria@example.org", name),),
        answers=f"<{id}@example.org>",
        text=text,
    )
    kept = Kept(file_name(file) or "file", "text/plain", 1, "", "")
    head = raw(outgoing, [(kept, b"x")])[0].split(b"\r\n\r\n")[0]
    names = {
        line.partition(b":")[0].decode() for line in head.split(b"\r\n") if line[:1] not in {b" ", b"\t"}
    }
    assert names <= FIELDS | BODY
    message = parsed(outgoing, [(kept, b"x")])
    assert [one.addr_spec for one in message["To"].addresses] == ["maria@example.org"]
    assert [one.addr_spec for one in message["From"].addresses] == [US]
    mail = read(raw(outgoing)[0])
    assert mail.token == ANSWER.token
    assert mail.subject.count("[#") == subject_of(subject, ANSWER.token, answers=True).count("[#")
