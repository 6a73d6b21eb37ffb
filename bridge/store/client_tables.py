"""The tables of clients, their numbers, and the words that they are found by."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from bridge.store.tables import Base, OrderedText


class ClientTable(Base):
    __tablename__ = "clients"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    company: Mapped[str]
    language: Mapped[str]
    tier: Mapped[str]
    notes: Mapped[str]
    fields: Mapped[str] = mapped_column(server_default="{}")  # the company's own, as JSON: key → text
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class NumberTable(Base):
    __tablename__ = "client_numbers"
    __table_args__ = (UniqueConstraint("client_id", "e164"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    client_id: Mapped[int] = mapped_column(ForeignKey("clients.id", ondelete="CASCADE"))
    e164: Mapped[str] = mapped_column(OrderedText, index=True)
    as_dialled: Mapped[str]
    digits: Mapped[str] = mapped_column(OrderedText, index=True)  # of as_dialled, for searching
    label: Mapped[str]


class WordTable(Base):
    """The words of a client's name and company, folded: what a search by prefix looks up."""

    __tablename__ = "client_words"
    __table_args__ = (Index(None, "client_id"),)

    word: Mapped[str] = mapped_column(OrderedText, primary_key=True)
    client_id: Mapped[int] = mapped_column(ForeignKey("clients.id", ondelete="CASCADE"), primary_key=True)
