"""What may be named under ``outside.allow``."""

import pytest
from pydantic import ValidationError

from bridge.config.outside import OutsideSettings
from bridge.crm.addresses import Allowed


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("crm.lan", "crm.lan"),
        ("CRM.lan.", "crm.lan"),
        ("crm.lan:8080", "crm.lan:8080"),
        ("10.0.0.0/8", "10.0.0.0/8"),
        ("10.1.2.3", "10.1.2.3/32"),
        ("10.1.2.3:8080", "10.1.2.3:8080"),
        ("[fd00::7]:8080", "[fd00::7]:8080"),
        ("fd00::/8", "fd00::/8"),
    ],
)
def test_allowed(written: str, read: str) -> None:
    settings = OutsideSettings(allow=(written,))
    assert settings.allow == (read,)
    assert Allowed.of(settings.allow) != Allowed()


@pytest.mark.parametrize(
    "written",
    [
        "0.0.0.0/0",
        "::/0",
        "",
        "http://crm.lan",
        "crm.lan/path",
        "a b",
        "crm.lan:0",
        "crm.lan:70000",
        "*.lan",
        "x\n",
    ],
)
def test_refused(written: str) -> None:
    with pytest.raises(ValidationError):
        OutsideSettings(allow=(written,))
