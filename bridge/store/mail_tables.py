"""The tables of mail beside its entries: mailboxes, what was taken from them, what could not be. No query."""

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from bridge.store.tables import Base

NEW = "way = 'new'"


class MailboxTable(Base):
    """``uid``: the last one that was settled. UIDs are 32 bits without a sign."""

    __tablename__ = "mailboxes"

    mailbox: Mapped[str] = mapped_column(primary_key=True)
    validity: Mapped[int] = mapped_column(BigInteger)
    horizon: Mapped[int] = mapped_column(BigInteger)
    uid: Mapped[int] = mapped_column(BigInteger)


class TakenTable(Base):
    """Each mail that was taken, ignored ones too, so that none is taken twice."""

    __tablename__ = "mails_taken"
    __table_args__ = (
        Index("ix_mails_taken_new", "sender", "at", sqlite_where=text(NEW), postgresql_where=text(NEW)),
    )

    mail_key: Mapped[str] = mapped_column(primary_key=True)
    at: Mapped[datetime]
    way: Mapped[str]  # bridge.crm.threads.Way
    sender: Mapped[str]  # folded, "" for none
    ticket_id: Mapped[int | None] = mapped_column(ForeignKey("tickets.id", ondelete="SET NULL"), index=True)


class UnreadableTable(Base):
    __tablename__ = "mails_unreadable"

    mailbox: Mapped[str] = mapped_column(primary_key=True)
    validity: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    uid: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    at: Mapped[datetime]
    reason: Mapped[str]
