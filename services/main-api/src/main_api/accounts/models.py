"""Users and the state of their connections."""

from datetime import datetime

from sqlalchemy import func
from sqlalchemy.orm import Mapped, mapped_column

from main_api.base import Base


class User(Base):
    """A person who signed in with Amazon. `id` is the identity every service knows (ruling R24)."""

    __tablename__ = "users"

    id: Mapped[str] = mapped_column(primary_key=True)
    amazon_user_id: Mapped[str] = mapped_column(unique=True)
    email: Mapped[str]
    name: Mapped[str]
    role: Mapped[str] = mapped_column(server_default="user")
    collection_mode: Mapped[str | None]
    """Null: the service's default."""
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now())


class IntegrationStatus(Base):
    """What integrations-backend last told us of one provider connection."""

    __tablename__ = "integration_status"

    user_id: Mapped[str] = mapped_column(primary_key=True)
    provider: Mapped[str] = mapped_column(primary_key=True)
    status: Mapped[str]
    account_id: Mapped[str | None]
    occurred_at: Mapped[datetime]
    """When it happened at the sender: an older event arriving later is ignored."""


class HumanCase(Base):
    """Something a person must look at: a job that was given up. Opening one is a legal outcome."""

    __tablename__ = "cases"

    id: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str]
    reference: Mapped[str]
    reason: Mapped[str]
    opened_at: Mapped[datetime] = mapped_column(server_default=func.now())
    closed_at: Mapped[datetime | None]
