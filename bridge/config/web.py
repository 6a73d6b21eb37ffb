"""Callbridge's own web server."""

from pydantic import Field

from bridge.config.fields import Host, HttpUrl, Port, Section


class RateSettings(Section):
    """Of each API token for itself; pages for people have no such limit."""

    per_second: int = Field(default=50, ge=1, le=100_000, description="API requests of one token, for long")
    burst: int = Field(default=500, ge=1, le=1_000_000, description="API requests of one token, at once")


class WebSettings(Section):
    host: Host = "127.0.0.1"
    port: Port = 8080
    public_url: HttpUrl = Field(default="http://127.0.0.1:8080", description="how browsers and CRMs reach it")
    rate: RateSettings = RateSettings()
    demand_if_match: bool = Field(
        default=False, description="programs must say with If-Match which version of a thing they change"
    )
    import_mb: int = Field(default=200, ge=1, le=10_000, description="the largest CSV file of clients")

    @property
    def api_rules(self) -> tuple[int, int, bool, int]:
        """Requests a second and at once, whether If-Match is demanded, bytes of an import."""
        return self.rate.per_second, self.rate.burst, self.demand_if_match, self.import_mb * 1024 * 1024
