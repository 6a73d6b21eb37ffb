"""Callbridge's own web server."""

from pydantic import Field

from bridge.config.fields import Host, HttpUrl, Port, Section


class WebSettings(Section):
    host: Host = "127.0.0.1"
    port: Port = 8080
    public_url: HttpUrl = Field(default="http://127.0.0.1:8080", description="how browsers and CRMs reach it")
