"""External directories in the file, and their tokens in the secrets file."""

from pathlib import Path

import pytest

from bridge.config import Secrets, check, load
from bridge.errors import ConfigurationError
from tests.unit.config.examples import SMALL
from tests.unit.config.rendering_of import Write

URL = "https://crm.example.org/find?phone={e164}"


def directory(line: str) -> str:
    return SMALL + f"directories:\n  crm: {line}\n"


def test_what_is_not_said_is_usual(write: Write) -> None:
    found = load(write(directory(f'{{url: "{URL}"}}')), {}).directories["crm"]
    assert (found.method, found.seconds, found.cache_seconds) == ("GET", 3.0, 3600)
    assert (found.answer.list, found.answer.id, found.answer.name) == ("@", "id", "name")
    assert not found.wants_token


def test_all_of_it(write: Write) -> None:
    line = (
        '{title: Our CRM, url: "http://crm.lan:8080/q/{digits}?n={national}&c={country}", method: POST, '
        'headers: {X-Key: "k {token}"}, body: \'{"phone": "{e164}"}\', seconds: 1.5, cache_seconds: 0, '
        "answer: {list: data.items, id: uid, name: \"join(' ', [a, b])\", company: firm, url: link}}"
    )
    with pytest.raises(ConfigurationError, match="is not known"):
        load(write(directory(line.replace("{national}", "{region}"))), {})
    found = load(write(directory(line)), {}).directories["crm"]
    assert found.wants_token
    assert found.answer.company == "firm"


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("{title: X}", "is missing: add “url:”"),
        ('{url: "ftp://crm.lan/"}', "is not an address of a web server"),
        ('{url: "https://{digits}.example.org/"}', "the host must be written out"),
        ('{url: "https://a:b@crm.lan/{e164}"}', "a user or password in an address"),
        ('{url: "https://crm.lan/?key={token}"}', "other people's logs"),
        ('{url: "https://crm.lan/{e164!r}"}', "is not known"),
        ('{url: "https://crm.lan/#{e164}"}', "fragment"),
        (f'{{url: "{URL}", body: x}}', "nothing is sent with method: GET"),
        (f'{{url: "{URL}", seconds: 31}}', "is too large"),
        (f'{{url: "{URL}", headers: {{Host: x}}}}', "is no header that may be set"),
        (f'{{url: "{URL}", headers: {{X: "a\\r\\nY: b"}}}}', "no header may hold"),
        (f'{{url: "{URL}", answer: {{name: "a..b"}}}}', "is no JMESPath"),
        (f'{{url: "{URL}", token: abc}}', "is no known key"),
    ],
)
def test_what_is_wrong_is_named(write: Write, line: str, words: str) -> None:
    (fault,) = check(write(directory(line)), {})
    assert words in str(fault)


def test_its_token_is_a_secret_of_others(tmp_path: Path, write: Write) -> None:
    path = tmp_path / "secrets.env"
    assert Secrets.load_or_create(path, load(write(SMALL), {})).directories == {}
    path.write_text(path.read_text() + "DIRECTORY_TOKEN_OUR_CRM=s3cret.token/x\n")
    secrets = Secrets.load(path)
    assert secrets.directories == {"our_crm": "s3cret.token/x"}
    assert "s3cret" not in repr(secrets)
