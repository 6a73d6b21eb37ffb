"""What must be filled before a ticket is closed, and stays filled afterwards, on a real database."""

import pytest

from bridge.config import Settings
from bridge.crm.ticketing.desk import TicketDesk
from bridge.errors import NotAllowed, WrongFields
from tests.unit.crm.ticketing.test_desk import ANNA, BORIS, MONDAY, NEW, SETTINGS, changed, clock, desk

__all__ = ["clock", "desk"]  # fixtures


async def test_line_1_may_not_close_and_a_required_field_is_asked_for_first(desk: TicketDesk) -> None:
    row = await desk.create(ANNA, NEW, "web")
    with pytest.raises(WrongFields, match="cause"):
        await changed(desk, BORIS, row, status="done")
    with pytest.raises(NotAllowed, match="line 1 may not close"):
        await changed(desk, ANNA, row, status="done", fields={"cause": "dust"})
    closed = await changed(desk, BORIS, row, status="done", fields={"cause": "dust"})
    assert closed.closed_at == MONDAY
    assert (closed.due_at, closed.alarm_at) == (None, None)
    assert closed.fields == {"serial": "A1", "cause": "dust"}


@pytest.mark.parametrize("status", ["done", "solved"])
async def test_what_closing_has_asked_for_can_be_changed_not_emptied(desk: TicketDesk, status: str) -> None:
    row = await desk.create(ANNA, NEW, "web")
    row = await changed(desk, BORIS, row, status=status, fields={"cause": "dust"})
    with pytest.raises(WrongFields, match="cause"):
        await changed(desk, BORIS, row, fields={"cause": None})
    row = await changed(desk, BORIS, row, fields={"cause": "rust"})
    row = await changed(desk, BORIS, row, status="open", fields={"cause": None})
    assert row.fields == {"serial": "A1"}, "opened again it is asked for at the next closing"


@pytest.mark.parametrize("required", ["create", "close"])
async def test_a_class_that_is_required_can_be_changed_not_taken_away(
    desk: TicketDesk, required: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    support = {**SETTINGS["departments"]["support"], "classification_required": required}
    settings = Settings.model_validate({**SETTINGS, "departments": {"support": support}})
    monkeypatch.setattr(desk, "_settings", lambda: settings)
    row = await desk.create(ANNA, {**NEW, "classification": "hardware/printer"}, "web")
    if required == "close":
        row = await changed(desk, BORIS, row, status="done", fields={"cause": "dust"})
    with pytest.raises(WrongFields, match="classification"):
        await changed(desk, BORIS, row, classification="")
    row = await changed(desk, BORIS, row, classification="hardware/printer")
    assert row.classification == "hardware/printer"


async def test_a_closed_ticket_that_lacks_something_is_still_corrected(
    desk: TicketDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file asks for more since it was closed: nobody has emptied that."""
    row = await desk.create(ANNA, NEW, "web")
    row = await changed(desk, BORIS, row, status="done", fields={"cause": "dust"})
    fields = [*SETTINGS["departments"]["support"]["fields"]]
    fields.append({"key": "part", "title": "Part", "type": "text", "required": "close"})
    support = {**SETTINGS["departments"]["support"], "fields": fields}
    settings = Settings.model_validate({**SETTINGS, "departments": {"support": support}})
    monkeypatch.setattr(desk, "_settings", lambda: settings)
    row = await changed(desk, BORIS, row, fields={"cause": "rust"})
    assert row.fields == {"serial": "A1", "cause": "rust"}
