"""All formats by their names, as a subscription's ``format`` says them."""

from bridge.crm.formats import Format
from bridge.crm.formats.bitrix24 import Bitrix24
from bridge.crm.formats.placetel import Placetel
from bridge.crm.formats.sipgate import Sipgate
from bridge.crm.formats.standard import Standard
from bridge.crm.formats.voys import Voys
from bridge.crm.formats.zammad import Zammad
from bridge.errors import BadInput

FORMATS: dict[str, Format] = {
    one.name: one for one in (Standard(), Zammad(), Sipgate(), Placetel(), Bitrix24(), Voys())
}


def format_named(name: str) -> Format:
    """Raises BadInput."""
    if name not in FORMATS:
        raise BadInput(f"format {name[:40]!r} is not known; write {', '.join(sorted(FORMATS))}")
    return FORMATS[name]
