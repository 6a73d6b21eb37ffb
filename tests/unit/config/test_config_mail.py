"""The mail server in the file, and its password in the secrets file."""

from pathlib import Path

import pytest

from bridge.config import Secrets, check, load
from bridge.config.mail import MailSettings
from bridge.errors import ConfigurationError
from tests.unit.config.examples import SMALL
from tests.unit.config.rendering_of import Write


def mail(write: Write, line: str) -> MailSettings | None:
    return load(write(SMALL + f"mail: {line}\n"), {}).mail


@pytest.mark.parametrize(
    ("security", "port"),
    [("", 587), (", security: tls", 465), (", security: none", 25), (", port: 2525", 2525)],
)
def test_the_port_follows_the_security(write: Write, security: str, port: int) -> None:
    found = mail(write, f"{{host: mail.example.org, sender: calls@example.org{security}}}")
    assert found is not None
    assert found.server_port == port


def test_without_it_there_is_none(write: Write) -> None:
    assert load(write(SMALL), {}).mail is None


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("{host: mail.example.org}", "is missing: add “sender:”"),
        ("{host: mail.example.org, sender: nobody}", "“nobody” is not a mail address"),
        ('{host: mail.example.org, sender: "a@b.org\\r\\nBcc: c@d.org"}', "is not a mail address"),
        ('{host: "mail\\r\\nQUIT", sender: a@b.org}', "is not the name or address of a host"),
        ('{host: h, sender: a@b.org, username: "a b"}', "is not a user name"),
        ("{host: h, sender: a@b.org, security: ssl}", "is none of"),
        ("{host: h, sender: a@b.org, username: a, security: none}", "shows the password to everybody"),
        ("{host: h, sender: a@b.org, password: hunter2}", "is no known key"),
    ],
)
def test_what_is_wrong_is_named(write: Write, line: str, words: str) -> None:
    (fault,) = check(write(SMALL + f"mail: {line}\n"), {})
    assert words in str(fault)


def test_the_password_is_a_secret_of_the_operator_s(tmp_path: Path, write: Write) -> None:
    path = tmp_path / "secrets.env"
    settings = load(write(SMALL), {})
    assert Secrets.load_or_create(path, settings).mail == "", "none is made up: it is another server's"
    path.write_text(path.read_text() + "MAIL_PASSWORD=p@ss:w%rd\n")
    assert Secrets.load(path).mail == "p@ss:w%rd"
    assert "p@ss" not in repr(Secrets.load(path))
    path.write_text("MAIL_PASSWORD=hunter2`id`\n")
    with pytest.raises(ConfigurationError, match="the value of MAIL_PASSWORD must be") as caught:
        Secrets.load(path)
    assert "hunter2" not in str(caught.value)


INBOX = (
    "departments: {support: {title: Support}}\n"
    "mail: {host: mail.example.org, sender: help@example.org, inbox: {"
    "host: imap.example.org, username: help@example.org, department: support%s}}\n"
)


@pytest.mark.parametrize(
    ("line", "port"), [("", 993), (", security: starttls", 143), (", security: tls, port: 1993", 1993)]
)
def test_a_mailbox(write: Write, line: str, port: int) -> None:
    found = load(write(SMALL + INBOX % line), {}).mail
    assert found is not None
    assert found.inbox is not None
    assert (found.inbox.server_port, found.inbox.folder, found.inbox.processed) == (port, "INBOX", None)
    assert (found.inbox.poll_seconds, found.inbox.most_new_per_hour) == (60, 20)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (", security: none", "shows the password on the way"),
        (', folder: "a\\r\\nLOGOUT"', "is invisible"),
        (", addresses: [nobody]", "is not a mail address"),
        (", poll_seconds: 1", "poll_seconds"),
        (", most_new_per_hour: 0", "most_new_per_hour"),
        (", processed: INBOX", "is the folder that mail is read from"),
    ],
)
def test_what_a_mailbox_may_not_be(write: Write, line: str, words: str) -> None:
    (fault,) = check(write(SMALL + INBOX % line), {})
    assert words in str(fault)


def test_a_mailbox_of_nobody(write: Write) -> None:
    (fault,) = check(write(SMALL + (INBOX % "").replace("department: support", "department: suport")), {})
    assert "no department “suport”: did you mean “support”?" in str(fault)


def test_the_password_of_the_mailbox_is_its_owner_s(write: Write, tmp_path: Path) -> None:
    settings = load(write(SMALL + INBOX % ""), {})
    path = tmp_path / "secrets.env"
    assert Secrets.load_or_create(path, settings).imap == ""
    path.write_text(path.read_text() + "IMAP_PASSWORD=p@ss:w%rd\n")
    assert Secrets.load(path).imap == "p@ss:w%rd"
    assert "p@ss" not in repr(Secrets.load(path))
