"""A ticket from the ring to its end, on an agent's screen: what is required to close is asked for first."""

from typing import Any

import pytest
from playwright.async_api import Browser, expect

from tests.e2e.parts import Api, Lab, caller, eventually, log_in, phone
from tests.e2e.scene import stranger
from tests.e2e.test_one_call import CARD, SUPPORT

pytestmark = [pytest.mark.asterisk, pytest.mark.timeout(180)]

ANNA = "1001"
NOTE = "Не печатает второй лоток"


async def test_from_the_ring_to_the_end(lab: Lab, api: Api, chromium: Browser) -> None:
    number = stranger()

    async def opened() -> list[dict[str, Any]]:
        call = await api.call_from(number)
        return [] if call is None else await api.all("/tickets", call_id=call["id"])

    async with phone(lab, ANNA, answer=None) as hers:
        await api.agent_is(ANNA, "ready")
        page = await log_in(chromium, lab, ANNA)
        async with caller(lab, SUPPORT, number=number, wait=0, talk=2) as client:
            await hers.event("incoming")
            await expect(page.locator(CARD)).to_contain_text(number[-2:])
            await hers.do(do="answer")
            await client.event("done", seconds=30)
        (ticket,) = await eventually(opened)
    assert (ticket["status"], ticket["department"]) == ("open", "support")
    path = f"/tickets/{ticket['id']}"

    await page.goto(lab.web + path)
    await page.check("input[name=kind][value=note]", force=True)
    await page.fill("#composer-body", NOTE)
    await page.locator(f"form[action='{path}/entries'] button.primary").click()
    await expect(page.locator(".thread")).to_contain_text(NOTE)

    form = page.locator("form[data-key=form]")
    await form.locator("[name=classification]").select_option("hardware/printer")
    await form.locator("[name=field_product]").select_option("phone")
    await form.locator("[name=field_model] option[value=T-46]").wait_for(state="attached")
    await form.locator("[name=field_model]").select_option("T-46")
    await form.locator("[name=status]").select_option("done")
    await form.locator("button.primary").click()
    await expect(form.locator("[name=field_cause]")).to_have_attribute("aria-invalid", "true")
    assert (await api.get(path))["status"] == "open"
    refused = await api.refused("PATCH", path, {"status": "done"}, 422)  # nor can a program close it so
    assert [one["pointer"] for one in refused["errors"]] == ["#/fields/cause"]

    # What she has chosen is still there.
    await form.locator("[name=field_cause]").select_option("defect")
    await form.locator("button.primary").click()
    await expect(page.locator(".ticket-head .done")).to_be_visible()
    closed = await api.get(path)
    assert (closed["status"], closed["classification"]) == ("done", "hardware/printer")
    assert closed["fields"] == {"product": "phone", "model": "T-46", "cause": "defect"}
    assert closed["closed_at"] is not None
