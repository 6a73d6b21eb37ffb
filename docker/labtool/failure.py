"""The one error of the lab: what went wrong, and what to do about it."""


class Failure(Exception):
    """Its text is for the person at the terminal. ``details`` are a log's last lines."""

    def __init__(self, message: str, *, details: str = "") -> None:
        super().__init__(message)
        self.details = details
