"""A mail, handed to a real SMTP server: what it holds, how it travels, and every way in which it fails."""

import asyncio
import re
import ssl
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Literal

import pytest

from bridge.config import Secrets, Settings, load
from bridge.config.mail import mail_address
from bridge.crm import mail
from bridge.crm.mail import Letter, Mailer, mailer_of
from bridge.errors import BadInput, ConfigurationError, LinkDown, Refused, RequestTimeout
from tests.fakes.mail_server import PASSWORD, USER, certificate, mail_server
from tests.unit.config.examples import SMALL

LETTER = Letter("maria@example.org", "Запись разговора", "Здравствуйте!\n\nhttps://calls.example.org/r/abc\n")


async def test_what_arrives_is_a_proper_mail() -> None:
    async with mail_server() as server:
        await server.mailer().send(LETTER)
        await server.mailer().send(LETTER)
    (envelope, message), (_, other) = server.taken
    assert (envelope.mail_from, envelope.rcpt_tos) == ("calls@example.org", ["maria@example.org"])
    assert message["From"].addresses[0].display_name == "ООО «Ромашка»"
    assert message["From"].addresses[0].addr_spec == "calls@example.org"
    assert (message["To"], message["Subject"]) == ("maria@example.org", "Запись разговора")
    assert abs(parsedate_to_datetime(message["Date"]) - datetime.now(UTC)) < timedelta(minutes=5)
    assert re.fullmatch(r"<[^<>@\s]+@example\.org>", message["Message-ID"])
    assert message["Message-ID"] != other["Message-ID"]
    assert message["Auto-Submitted"] == "auto-generated"
    assert message.get_content_type() == "text/plain"
    assert message.get_content().replace("\r\n", "\n") == LETTER.text


@pytest.mark.parametrize("security", ["starttls", "tls"])
async def test_a_log_in_goes_over_tls_only(tmp_path: Path, security: Literal["starttls", "tls"]) -> None:
    offered, trusting = certificate(tmp_path)
    async with mail_server(tls=offered, at_once=security == "tls", needs_login=True) as server:
        await server.mailer(security, context=trusting, username=USER, password=PASSWORD).send(LETTER)
        with pytest.raises(Refused, match="wrong user or password: 535") as caught:
            await server.mailer(security, context=trusting, username=USER, password="wrong").send(LETTER)
        assert 'wrong"' not in str(caught.value)
        with pytest.raises(LinkDown, match="certificate verify failed"):
            await server.mailer(security, username=USER, password=PASSWORD).send(LETTER)
    assert server.logged_in == [True]


async def test_a_server_without_tls_gets_nothing_from_who_wants_it() -> None:
    async with mail_server() as server:
        with pytest.raises(LinkDown, match="STARTTLS"):
            await server.mailer("starttls").send(LETTER)
    assert server.taken == []


async def test_a_refused_address_is_told_in_the_server_s_words() -> None:
    async with mail_server() as server:
        server.refusal = "550 5.1.1 no such user here"
        with pytest.raises(Refused, match=r"address refused: 550 5\.1\.1 no such user here") as caught:
            await server.mailer().send(LETTER)
    assert caught.value.status == 550


async def test_nobody_there_and_nobody_answering(monkeypatch: pytest.MonkeyPatch) -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()  # until the client gives up
        writer.close()

    listening = await asyncio.start_server(silent, "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    mailer = Mailer("127.0.0.1", port, "none", "a@example.org", "", ssl.create_default_context())
    monkeypatch.setattr(mail, "_SECONDS", 0.2)
    async with listening:
        with pytest.raises(RequestTimeout, match=rf"127\.0\.0\.1:{port}: no reply within 0.2 seconds"):
            await mailer.send(LETTER)
    with pytest.raises(LinkDown, match=rf"127\.0\.0\.1:{port}"):
        await mailer.send(LETTER)


HOSTILE = [
    "maria@example.org\r\nBcc: evil@example.org",
    "maria@example.org\nBcc: evil@example.org",
    "maria@example.org, evil@example.org",
    "maria@example.org evil@example.org",
    "<maria@example.org>",
    "Maria <maria@example.org>",
    '"maria\r\n"@example.org',
    "maria@example.org\x00",
    "maria@example.org\u2028evil",
    "maria",
    "@example.org",
    "maria@",
    "maria@[127.0.0.1]",
    "мария@example.org",
    "m" * 65 + "@example.org",
    "maria@" + "e" * 300 + ".org",
    "",
]


@pytest.mark.parametrize("address", HOSTILE)
async def test_what_is_no_address_is_refused_before_anybody_is_asked(address: str) -> None:
    async with mail_server() as server:
        with pytest.raises(BadInput, match="is not a mail address"):
            await server.mailer().send(Letter(address, "Hello", "Hello\n"))
    assert server.taken == []


@pytest.mark.parametrize(
    ("written", "sent"),
    [
        ("maria@example.org", "maria@example.org"),
        ("Maria.I+calls@Example.ORG", "Maria.I+calls@example.org"),
        ("info@пример.рф", "info@xn--e1afmkfd.xn--p1ai"),
        ("maria@office.local", "maria@office.local"),
    ],
)
def test_an_address_as_it_is_sent(written: str, sent: str) -> None:
    assert mail_address(written) == sent


@pytest.mark.parametrize(
    ("injected", "shown"),
    [
        ("Hello\r\nBcc: evil@example.org\r\n\r\nbody", "Hello Bcc: evil@example.org body"),
        ("=?utf-8?q?a=0D=0ABcc:=20evil@example.org?=", "= ?utf-8?q?a=0D=0ABcc:=20evil@example.org?="),
    ],
)
async def test_no_text_becomes_a_header(injected: str, shown: str) -> None:
    async with mail_server() as server:
        mailer = server.mailer(name=f"Daisy{injected}")
        await mailer.send(Letter("maria@example.org", injected, ".\r\nRCPT TO:<evil@example.org>\r\n.\r\n"))
    ((envelope, message),) = server.taken
    assert envelope.rcpt_tos == ["maria@example.org"]
    assert message["Bcc"] is None
    assert message["Subject"] == shown
    assert "RCPT TO:<evil@example.org>" in message.get_content()


def test_the_password_does_not_show() -> None:
    mailer = Mailer(
        "h", 25, "tls", "a@example.org", "", ssl.create_default_context(), username="a", password="hunter2"
    )
    assert "hunter2" not in repr(mailer)


MAIL = "mail: {host: mail.example.org, sender: calls@example.org"


def secrets(tmp_path: Path, line: str = "") -> Secrets:
    path = tmp_path / "secrets.env"
    path.write_text("ARI_PASSWORD=x1234567\nAMI_PASSWORD=x1234567\nAPI_TOKEN=cb_" + "x" * 43 + f"\n{line}\n")
    return Secrets.load(path)


def settings(tmp_path: Path, mail: str) -> Settings:
    path = tmp_path / "callbridge.yml"
    path.write_text(SMALL + mail)
    return load(path, {})


def test_the_mailer_is_the_configuration_s(tmp_path: Path) -> None:
    assert mailer_of(settings(tmp_path, ""), secrets(tmp_path)) is None
    open_one = mailer_of(settings(tmp_path, MAIL + "}\n"), secrets(tmp_path, "MAIL_PASSWORD=unused"))
    assert open_one is not None
    assert (open_one.host, open_one.port, open_one.security) == ("mail.example.org", 587, "starttls")
    assert (open_one.sender, open_one.name, open_one.username) == ("calls@example.org", "Daisy Ltd", None)
    with_login = settings(tmp_path, MAIL + ", username: calls@example.org}\n")
    mailer = mailer_of(with_login, secrets(tmp_path, "MAIL_PASSWORD=p@ss"))
    assert mailer is not None
    assert (mailer.username, mailer.password) == ("calls@example.org", "p@ss")
    with pytest.raises(ConfigurationError, match="add MAIL_PASSWORD to the secrets file"):
        mailer_of(with_login, secrets(tmp_path))
