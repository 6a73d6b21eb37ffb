"""The web room: pages for agents and supervisors, the HTTP API, health. It decides nothing about calls."""

from bridge.web.api.routes import SCOPES
from bridge.web.app import make_app
from bridge.web.metrics import Metrics
from bridge.web.parts import ApiRules, WebParts
from bridge.web.screens import CardOpened, CardScreens

__all__ = ["SCOPES", "ApiRules", "CardOpened", "CardScreens", "Metrics", "WebParts", "make_app"]
