"""Database addresses in the three dialects they are needed in."""

import pytest

from opside_chassis.database import asyncpg_url, driver_url

SECRET = "p%40ss"


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+asyncpg"])
def test_any_scheme_becomes_the_drivers(scheme: str) -> None:
    url = f"{scheme}://payments_app:{SECRET}@db:5432/opside"
    wanted = f"postgresql+asyncpg://payments_app:{SECRET}@db:5432/opside"
    assert asyncpg_url(url).render_as_string(hide_password=False) == wanted
    assert driver_url(url) == wanted.replace("+asyncpg", "")


def test_asking_for_encryption_survives_both_ways() -> None:
    url = "postgresql://u:p@db/opside?sslmode=verify-full&application_name=x"
    for_engine = asyncpg_url(url)
    assert dict(for_engine.query) == {"ssl": "verify-full", "application_name": "x"}
    for_listener = driver_url(for_engine.render_as_string(hide_password=False))
    assert "sslmode=verify-full" in for_listener
    assert "ssl=verify" not in for_listener.replace("sslmode", "")
