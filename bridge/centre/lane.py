"""The kinds of work that orders are: those of one call and one kind are carried out one after another."""

from enum import Enum


class Lane(Enum):
    MEDIA = "media"  # ARI: channels, prompts, bridges
    RECORDER = "recorder"  # AMI: MixMonitor
    RECORDS = "records"  # the store: calls and tickets
    FILES = "files"  # recordings' files: slow, and nothing waits for them
    DIRECTORY = "directory"  # who is calling
    SCREEN = "screen"  # cards on agents' screens
