"""Any bytes are a mail or are none: nothing else comes of them, and nothing that could not be shown."""

import unicodedata

from hypothesis import example, given, settings
from hypothesis import strategies as st

from bridge.crm.letters import NoMail, Received, read

NAMES = st.sampled_from(
    b"From,To,Subject,Date,Message-ID,References,Content-Type,Content-Disposition,Content-Transfer-Encoding,"
    b"Return-Path,Auto-Submitted,MIME-Version".split(b",")
)
WORDS = st.one_of(
    st.binary(max_size=30),
    st.sampled_from(
        b"multipart/mixed; boundary=b|multipart/alternative; boundary=b|message/rfc822|text/html|base64|"
        b"multipart/report; report-type=delivery-status; boundary=b|message/delivery-status|quoted-printable|"
        b"multipart/digest; boundary=b|message/partial|message/external-body|multipart/related|x-uuencode|"
        b"\r\n |\0|<a@b>|"
        b"attachment; filename*0*=utf-8''%D0; filename*2=x|=?utf-8?b?0J/?=|=?x?q?=ZZ?=|\"a\\\"|(((|<>|\n\t|"
        b"a@example.org|; charset=utf-7|; charset=\xff|; name*=a'b'c|\xed\xa0\x80|; format=flowed".split(b"|")
    ),
)
LINE = st.one_of(
    st.tuples(NAMES, st.lists(WORDS, max_size=4).map(b"".join)).map(b": ".join),
    st.sampled_from([b"", b"--b", b"--b--", b"begin 644 x", b"<p>", b"<!--", b"> ", b"Action: failed"]),
    st.binary(max_size=40),
)
MAILS = st.lists(LINE, max_size=40).map(b"\r\n".join)


@example(b"From: a@example.org\nContent-Type: text/plain; charset=a\0b\n\n\xff")
@given(st.one_of(st.binary(max_size=400), MAILS, MAILS.map(lambda rest: b"From: a@example.org\n" + rest)))
@settings(max_examples=400, deadline=None)
def test_any_bytes(raw: bytes) -> None:
    try:
        mail = read(raw)
    except NoMail:
        return
    assert read(raw) == mail
    _is_presentable(mail)


def _is_presentable(mail: Received) -> None:
    line = [mail.subject, mail.sender.name, mail.sender.address, mail.message_id]
    line += [one.name for one in mail.attachments] + [one.address for one in (*mail.to, *mail.cc)]
    for text in line:
        assert not any(unicodedata.category(one) in {"Cc", "Cs", "Zl", "Zp"} for one in text), text
    assert not any(unicodedata.category(one) in {"Cc", "Cs"} for one in mail.text if one not in "\n\t")
    for one in mail.attachments:
        assert one.name
        assert not set(one.name) & set('/\\"\r\n;')
        assert one.name.strip(" .") == one.name
    assert mail.quoted_from is None or 0 <= mail.quoted_from < len(mail.text)
