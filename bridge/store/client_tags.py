"""Clients' tags: short words by which people here sort them. They are read and written with the client."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from bridge.errors import N_, BadInput
from bridge.store.tables import Base, OrderedText

MOST_TAGS = 20
LONGEST_TAG = 40


class ClientTagTable(Base):
    __tablename__ = "client_tags"

    client_id: Mapped[int] = mapped_column(ForeignKey("clients.id", ondelete="CASCADE"), primary_key=True)
    tag: Mapped[str] = mapped_column(OrderedText, primary_key=True, index=True)


def folded(tag: str) -> str:
    """As it is kept."""
    return " ".join(tag.casefold().split())


def tags_of(words: Iterable[str]) -> tuple[str, ...]:
    """As they are kept, each once. Raises BadInput."""
    wanted = sorted({plain for word in words if (plain := folded(word))})
    if len(wanted) > MOST_TAGS:
        raise BadInput(
            N_("client tags: %(count)s; at most %(most)s are kept"), count=len(wanted), most=MOST_TAGS
        )
    for tag in wanted:
        if len(tag) > LONGEST_TAG or not tag.isprintable() or "," in tag:
            raise BadInput(
                N_("client tag %(tag)s: write at most %(most)s characters, no comma"),
                tag=repr(tag[:LONGEST_TAG]),
                most=LONGEST_TAG,
            )
    return tuple(wanted)


def tag_entries(client: int, tags: Iterable[str]) -> list[dict[str, Any]]:
    """Their rows. Raises BadInput."""
    return [{"client_id": client, "tag": tag} for tag in tags_of(tags)]
