"""Asterisk's REST Interface (ARI): orders become its requests, its events become facts."""

from bridge.ari.link import AriLink

__all__ = ["AriLink"]
