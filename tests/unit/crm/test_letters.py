"""A mail as it comes: what is read of it, in whatever way it is written, and what is left out of it."""

from datetime import UTC, datetime
from email.message import EmailMessage

import pytest

from bridge.crm import letters
from bridge.crm.letter_headers import LOOP_MARKER, Automatic, Party
from bridge.crm.letter_text import text_of_html
from bridge.crm.letters import Fault, NoMail, read, read_head

HEAD = b"From: Maria <maria@example.org>\nSubject: Printer\nMessage-ID: <1@example.org>\n"


def written(*fields: str, body: str = "Hello") -> bytes:
    return HEAD + "\n".join((*fields, "", body)).encode("utf-8", "surrogateescape")


def test_a_plain_mail() -> None:
    raw = (
        b"Return-Path: <maria@example.org>\r\n"
        b"From: =?utf-8?B?0JzQsNGA0LjRjw==?= <Maria@Example.ORG>\r\n"
        b"To: help@daisy.example, =?koi8-r?Q?=EF=F4=EB?= <sales@daisy.example>\r\n"
        b"Cc: Ivan <ivan@example.org>\r\n"
        b"Reply-To: office@example.org\r\n"
        b"Subject: =?windows-1251?B?0OXsb250?= of the printer [#k7qf2m9xdhpa]\r\n"
        b"Date: Mon, 02 Mar 2026 12:00:00 +0300\r\n"
        b"Message-ID: <abc@mail.example.org>\r\nIn-Reply-To: <one@daisy.example>\r\n"
        b"References: <zero@daisy.example>\r\n <one@daisy.example>\r\n\r\nIt does not print.\r\n"
    )
    mail = read(raw)
    assert mail.sender == Party("Maria@example.org", "Мария")
    assert mail.to == (Party("help@daisy.example"), Party("sales@daisy.example", "ОТК"))
    assert mail.cc == (Party("ivan@example.org", "Ivan"),)
    assert mail.reply_to == (Party("office@example.org"),)
    assert mail.subject == "Ремont of the printer [#k7qf2m9xdhpa]"
    assert mail.token == "K7QF2M9XDHPA"
    assert mail.date == datetime(2026, 3, 2, 9, tzinfo=UTC)
    assert mail.message_id == "<abc@mail.example.org>"
    assert mail.in_reply_to == ("<one@daisy.example>",)
    assert mail.references == ("<zero@daisy.example>", "<one@daisy.example>")
    assert (mail.text, mail.attachments, mail.faults) == ("It does not print.", (), ())
    assert (mail.automatic, mail.undelivered, mail.quoted_from) == (None, None, None)
    assert mail.size == len(raw)


def test_attachments_and_which_text_is_the_text() -> None:
    message = EmailMessage()
    message["From"], message["Subject"] = "maria@example.org", "Bill"
    message.set_content("The bill.")
    message.add_alternative("<p>The <b>bill</b>.</p><img src='cid:1'>", subtype="html")
    message.add_attachment(b"%PDF-1.4", maintype="application", subtype="pdf", filename="Счёт № 5.pdf")
    message.add_attachment("a;b\n", filename="../../etc/passwd")
    message.add_attachment(b"x", maintype="application", subtype="ms-tnef", filename="winmail.dat")
    mail = read(message.as_bytes())
    assert mail.text == "The bill."
    assert [(one.name, one.media_type, one.content) for one in mail.attachments] == [
        ("Счёт № 5.pdf", "application/pdf", b"%PDF-1.4"),
        ("passwd", "text/plain", b"a;b\n"),
        ("winmail.dat", "application/ms-tnef", b"x"),
    ]


def test_a_mail_within_a_mail_is_an_attachment_and_its_text_is_not_this_one_s() -> None:
    inner = EmailMessage()
    inner["From"], inner["Subject"] = "boss@example.org", "Secret / plans"
    inner.set_content("From the boss")
    message = EmailMessage()
    message["From"], message["Subject"] = "maria@example.org", "Fwd"
    message.set_content("See below")
    message.add_attachment(inner)
    mail = read(message.as_bytes())
    assert mail.text == "See below"
    (attached,) = mail.attachments
    assert (attached.name, attached.media_type) == ("plans.eml", "message/rfc822")
    assert b"From the boss" in attached.content


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        (['Content-Disposition: attachment; filename="a\\"b.pdf"'], "a_b.pdf"),
        (["Content-Disposition: attachment; filename*=utf-8''%D0%A1%D1%87%D1%91%D1%82.pdf"], "Счёт.pdf"),
        (["Content-Disposition: attachment; filename*0*=utf-8''%D0%A1; filename*1=x.pdf"], "Сx.pdf"),
        (["Content-Disposition: attachment; filename==?utf-8?B?0KHRh9GR0YIucGRm?="], "Счёт.pdf"),
        (["Content-Disposition: attachment; filename*=nonsense''%D0%A1.pdf"], "С.pdf"),
        (["Content-Disposition: attachment; filename=Счёт.pdf"], "Счёт.pdf"),
        (['Content-Disposition: attachment; filename="C:\\\\windows\\\\a.exe"'], "a.exe"),
        (['Content-Disposition: attachment; filename="/etc/.."'], "application.pdf"),
        (['Content-Disposition: attachment; filename="invoice\u202efdp.exe"'], "invoicefdp.exe"),
        (['Content-Disposition: attachment; filename="' + "a" * 300 + '.pdf"'], "a" * 80),
        (["Content-Disposition: attachment; filename=a\r\n\tb.pdf"], "a b.pdf"),
        (["Content-Disposition: attachment; filename*x*=1; filename*9*=2"], "2"),
        (["Content-Disposition: attachment"], "application.pdf"),
    ],
)
def test_the_name_of_an_attachment(fields: list[str], expected: str) -> None:
    (attached,) = read(written("Content-Type: application/pdf", *fields, body="%PDF")).attachments
    assert attached.name == expected


def test_without_a_message_id_it_is_known_again_by_its_content() -> None:
    raw = b"From: a@example.org\n\nHello"
    mail = read(raw)
    assert mail.message_id.endswith("@no-message-id.invalid>")
    assert read(raw) == mail
    assert read(raw + b"!").message_id != mail.message_id


def test_the_same_mail_by_two_ways_is_one_and_another_one_with_its_id_is_not() -> None:
    one = read(b"Received: by mx1\n" + written())
    assert read(b"Received: by mx2\nX-Spam: no\n" + written()).key == one.key
    assert read(written(body="Something else")).key != one.key


@pytest.mark.parametrize(
    ("fields", "body", "text"),
    [
        (["Content-Type: text/plain; charset=koi8-r"], b"\xf0\xd2\xc9\xd7\xc5\xd4", "Привет"),
        (["Content-Type: text/plain; charset=utf-8"], "Привет".encode("cp1251"), "Привет"),
        (["Content-Type: text/plain; charset=us-ascii"], "Привет".encode(), "Привет"),
        (["Content-Type: text/plain; charset=no-such-thing"], "Привет".encode(), "Привет"),
        (["Content-Type: text/plain; charset=hex"], b"Hello", "Hello"),
        (["Content-Type: text/plain; charset=idna"], b"xn--e1afmkfd", "xn--e1afmkfd"),
        (["Content-Type: text/plain; charset=\x00"], b"Hello", "Hello"),
        ([], "Привет".encode("cp1251"), "Привет"),
        (["Content-Transfer-Encoding: base64"], b"SGVsbG8", "Hello"),
        (["Content-Transfer-Encoding: quoted-printable"], b"=48=ZZ=", "H=ZZ"),
        (["Content-Transfer-Encoding: x-nonsense"], b"Hello", "Hello"),
        ([], b"a\x00b\x1b[31mc\rd\r\ne", "ab[31mc\nd\ne"),
        (
            ["Content-Type: text/plain; format=flowed"],
            b"One \nline\n\n> q \n> r\n>> s\n-- \nM",
            "One line\n\n> q r\n>> s\n-- \nM",
        ),
        (["Content-Type: text/plain; format=flowed; delsp=yes"], b"aaa \nbbb", "aaabbb"),
        (["Content-Type: nonsense"], b"Hello", "Hello"),
        (["Content-Type: multipart/mixed; boundary=b"], b"no parts", "no parts"),
        (["Content-Type: multipart/mixed"], b"no boundary", "no boundary"),
    ],
)
def test_text_however_it_is_written(fields: list[str], body: bytes, text: str) -> None:
    assert read(HEAD + "\n".join((*fields, "", "")).encode() + body).text == text


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<p>One<br>two</p><p>three</p>", "One\ntwo\n\nthree"),
        ("<script>alert(1)</script><style>p{}</style><p>Hi</p>", "Hi"),
        ("a<div style='display:none'>hidden <p>too</p></div>b", "ab"),
        ("a<span style='font-size:0px'>x</span><span style='font-size:0.8em'>y</span>", "ay"),
        ("<div hidden>x</div><title>t</title><p>y", "y"),
        ("<ul><li>a<li>b</ul>", "- a\n- b"),
        ("<table><tr><td>a</td><td>b</td></tr><tr><td>c</td></tr></table>", "a b\nc"),
        (
            "<a href='https://evil.example/x'>https://bank.example</a>",
            "https://bank.example <https://evil.example/x>",
        ),
        ("<a href='javascript:alert(1)'>click</a>", "click"),
        ("<a href='mailto:a@example.org'>a@example.org</a>", "a@example.org"),
        ("<img src='https://track.example/1.gif'><img alt='Plan' src=x>", "[Plan]"),
        ("Yes<blockquote>Do you?<blockquote>Well</blockquote></blockquote>", "Yes\n\n> Do you?\n>\n>> Well"),
        ("<pre>a\n  b</pre>", "a\n  b"),
        ("&lt;script&gt;alert(1)&lt;/script&gt; &amp; &#1055;", "<script>alert(1)</script> & П"),
        ("<b>unclosed <i", "unclosed"),
        ("<!-- <p>comment</p> -->x", "x"),
        ("a\x00b", "a\ufffdb"),
        ("", ""),
    ],
)
def test_html_as_a_reader_sees_it(html: str, text: str) -> None:
    assert text_of_html(html) == (text, True)
    assert read(written("Content-Type: text/html", body=html)).text.split() == text.split()


@pytest.mark.parametrize(
    ("text", "quotation"),
    [
        (
            "Yes.\n\nOn Monday Ivan wrote:\n> Is it?\n> Really?\n",
            "On Monday Ivan wrote:\n> Is it?\n> Really?",
        ),
        ("> one\nYes\n> two\nNo", None),
        ("Yes\n-----Original Message-----\nFrom: x\n", "-----Original Message-----\nFrom: x"),
        ("> only this", "> only this"),
        ("Hello", None),
    ],
)
def test_where_the_quotation_at_the_end_begins(text: str, quotation: str | None) -> None:
    mail = read(written(body=text))
    assert (mail.text[mail.quoted_from :] if mail.quoted_from is not None else None) == quotation


@pytest.mark.parametrize(
    ("field", "automatic"),
    [
        ("Auto-Submitted: no", None),
        ("Auto-Submitted: auto-replied (vacation)", Automatic.REPLY),
        ("Auto-Submitted: auto-generated", Automatic.GENERATED),
        ("X-Auto-Response-Suppress: DR, AutoReply", Automatic.GENERATED),
        ("X-Auto-Response-Suppress: DR", None),
        ("Precedence: bulk", Automatic.BULK),
        ("Precedence: junk", Automatic.BULK),
        ("List-Id: <all.example.org>", Automatic.BULK),
        ("Precedence: auto_reply", Automatic.REPLY),
        ("Return-Path: <>", Automatic.REPLY),
        ("Sender: x@example.org\nX-Autoreply: yes", Automatic.REPLY),
        ("Content-Type: multipart/report; report-type=disposition-notification", Automatic.RECEIPT),
        ("Content-Type: multipart/report; report-type=delivery-status", Automatic.REPORT),
        (f"{LOOP_MARKER}: ours", Automatic.OWN),
        (f"{LOOP_MARKER}: another installation's", None),
    ],
)
def test_what_nobody_wrote_by_hand(field: str, automatic: Automatic | None) -> None:
    assert read(written(field), own_marker="ours").automatic is automatic


def test_mailer_daemon_speaks_for_a_mail_server() -> None:
    assert read(b"From: MAILER-DAEMON@mx.example\n\nsorry").automatic is Automatic.REPORT


REPORT = b"""From: postmaster@mx.example
Subject: Undelivered
Content-Type: multipart/report; report-type=delivery-status; boundary=b

--b

Could not be delivered.
--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example

Final-Recipient: rfc822; nobody@example.org
Action: %s
Status: 5.1.1
Diagnostic-Code: smtp; 550 no such user

--b
Content-Type: %s

Message-ID: <ours@daisy.example>
Subject: Re: Printer

--b--
"""


@pytest.mark.parametrize("kind", [b"message/rfc822", b"text/rfc822-headers"])
def test_a_report_says_which_mail_was_not_delivered(kind: bytes) -> None:
    mail = read(REPORT % (b"failed", kind))
    assert mail.undelivered is not None
    assert mail.undelivered.message_id == "<ours@daisy.example>"
    assert (mail.undelivered.failed, mail.undelivered.recipients) == (True, ("nobody@example.org",))
    assert mail.undelivered.reason == "5.1.1 smtp; 550 no such user"
    assert mail.automatic is Automatic.REPORT
    assert "Diagnostic-Code: smtp; 550 no such user" in mail.text


def test_a_report_of_a_delay_is_no_failure() -> None:
    late = read(REPORT % (b"delayed", b"message/rfc822")).undelivered
    assert late is not None
    assert not late.failed


@pytest.mark.parametrize(
    "raw", [b"", b"\n", b"\xff\xfe\x00", b"just words\nand more", b"<html></html>", b"A: b\n\nc"]
)
def test_what_is_no_mail(raw: bytes) -> None:
    with pytest.raises(NoMail, match="has no header"):
        read(raw)


@pytest.mark.parametrize(
    ("fields", "sender"),
    [
        (b"From: undisclosed", Party("", "")),
        (b"From: <a@b@c>", Party("", "")),
        (b"From: a@example.org, b@example.org", Party("a@example.org")),
        (b"From: a@example.org\nFrom: b@example.org", Party("a@example.org")),
        (b'From: "b@bank.example" <evil@example.org>', Party("evil@example.org", "b@bank.example")),
        (b"From: =?utf-8?q?a=00=0D=0ABcc=3A?= <a@example.org>", Party("a@example.org", "a Bcc:")),
        (b"From: " + b"(" * 30_000 + b" a@example.org", Party("a@example.org")),
        (b"Sender: daemon@example.org\nSubject: x", Party("daemon@example.org")),
        (b"From:\nSubject: x", Party("", "")),
    ],
)
def test_who_wrote(fields: bytes, sender: Party) -> None:
    assert read(fields + b"\n\nHello").sender == sender


def test_a_subject_is_one_line_and_not_endless() -> None:
    mail = read(
        b"Subject: a\x00\tb\r\n c =?utf-8?B?//?= \xd0\x9f =?x?q?=E2=80=AE?= " + b"x" * 90_000 + b"\n\n"
    )
    assert mail.subject.startswith("a b c")
    assert "\u202e" not in mail.subject
    assert len(mail.subject) <= 500


@pytest.mark.parametrize(
    "date", ["yesterday", "Mon, 99 Mar 2026 12:00:00 +9999", "", "1 Jan 1801 00:00 +0000"]
)
def test_no_date_is_no_fault(date: str) -> None:
    assert read(f"From: a@example.org\nDate: {date}\n\n".encode()).date is None


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(
            b"".join(b"Content-Type: multipart/mixed; boundary=%d\n\n--%d\n" % (n, n) for n in range(3000)),
            id="parts",
        ),
        pytest.param(b"Content-Type: message/rfc822\n\n" * 3000, id="mails"),
        pytest.param(b"\n" * 2_000_000, id="lines"),
        pytest.param(b"Content-Type: multipart/mixed; boundary=b\n\n" + b"--b\n\nx\n" * 20_000, id="LF"),
        pytest.param(b"Content-Type: multipart/mixed; boundary=b\n\n" + b"--b\r\rx\r" * 20_000, id="CR"),
    ],
)
def test_a_bomb_is_kept_as_it_is_and_not_opened(body: bytes) -> None:
    mail = read(HEAD + body)
    assert (mail.subject, mail.faults) == ("Printer", (Fault.TOO_NESTED,))
    (attached,) = mail.attachments
    assert attached.content == HEAD + body


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param(b"Content-Type: text/plain" + b";" * 8_000_000, id="parameters"),
        pytest.param(b"To: " + b"a@b.example," * 600_000, id="recipients"),
        pytest.param(b"Cc: " + b"(" * 8_000_000, id="comments"),
        pytest.param(b"References: " + b"<a@b> " * 1_000_000, id="references"),
        pytest.param(b"X: y\n" * 200_000, id="fields"),
    ],
)
def test_endless_headers_cost_little(fields: bytes) -> None:
    mail = read(HEAD + fields.rstrip(b"\n") + b"\n\nHello")
    assert (mail.subject, mail.text) == ("Printer", "Hello")
    assert len(mail.to) <= 200
    assert len(mail.references) <= 50


def test_html_that_is_endlessly_deep_is_cut_and_kept() -> None:
    html = b"<p>Hello</p>" + b"<i>" * 200_000 + b"</b>" * 200_000
    mail = read(HEAD + b"Content-Type: text/html\n\n" + html)
    assert (mail.text, mail.faults) == ("Hello", (Fault.HTML_CUT,))
    assert mail.attachments[0].content == html


def test_a_mail_of_100_megabytes_is_known_by_its_headers() -> None:
    mail = read(HEAD + b"\n" + b"x" * 100_000_000)
    assert (mail.subject, mail.faults, mail.text) == ("Printer", (Fault.TOO_LARGE,), "")
    assert mail.size == len(HEAD) + 1 + 100_000_000
    assert read_head(HEAD, 7).faults == (Fault.TOO_LARGE,)


def test_a_long_text_is_cut_and_kept() -> None:
    mail = read(written(body="x" * (letters.MAX_TEXT + 1)))
    assert (len(mail.text), mail.faults) == (letters.MAX_TEXT, (Fault.TEXT_CUT,))
    assert len(mail.attachments[0].content) == letters.MAX_TEXT + 1
