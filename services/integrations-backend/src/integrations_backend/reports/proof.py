"""Rows that prove what Amazon did: those of documents that Amazon itself handed out."""

import asyncio

import polars as pl

from integrations_backend.archive import Archive
from integrations_backend.reports import queries
from opside_chassis.database import Sessions, transaction


async def rows_from_amazon(
    sessions: Sessions, archive: Archive, *, user_id: str, report_type: str
) -> pl.DataFrame | None:
    """Every row of a type, once each; None when Amazon gave no such document yet.

    A file that the seller uploaded is whatever he made it: good for an audit of his own, no proof.
    """
    async with transaction(sessions, tenant=user_id) as session:
        documents = await queries.documents_of_amazon(
            session, user_id=user_id, report_type=report_type
        )
    return await asyncio.to_thread(archive.rows_of, documents)
