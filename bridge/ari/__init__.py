"""Asterisk's REST Interface (ARI): orders become its requests, its events become facts."""

from bridge.ari.claim import claimed
from bridge.ari.link import AriLink
from bridge.ari.socket import ApplicationTaken

__all__ = ["ApplicationTaken", "AriLink", "claimed"]
