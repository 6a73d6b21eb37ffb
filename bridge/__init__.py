"""Callbridge: a self-hosted contact centre for Asterisk."""

__version__ = "0.1.0"
