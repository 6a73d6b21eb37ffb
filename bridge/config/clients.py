"""What the company keeps of its clients besides names and numbers."""

from pydantic import Field

from bridge.config.custom_fields import Fields
from bridge.config.fields import Section


class ClientSettings(Section):
    fields: Fields = Field(default=(), description="the company's own, in the client's form and on his card")
