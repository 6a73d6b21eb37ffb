"""For all tests: no example of a property fails because the machine had other work."""

from hypothesis import settings

settings.register_profile("shared machine", deadline=None)
settings.load_profile("shared machine")
