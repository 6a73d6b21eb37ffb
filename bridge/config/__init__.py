"""The one YAML file: typed, checked with the place of every fault, and rendered for Asterisk."""

from bridge.config.faults import Fault
from bridge.config.loading import OVERRIDES, check, load
from bridge.config.planning import plan_of
from bridge.config.rendering import Rendered, render
from bridge.config.schema import json_schema
from bridge.config.secretfile import Secrets
from bridge.config.settings import Settings

__all__ = [
    "OVERRIDES",
    "Fault",
    "Rendered",
    "Secrets",
    "Settings",
    "check",
    "json_schema",
    "load",
    "plan_of",
    "render",
]
