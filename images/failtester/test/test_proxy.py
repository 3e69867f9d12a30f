import asyncio

import filelock
import psycopg
import pytest

through_the_proxy = "host=localhost port=9701 dbname=postgres sslmode=disable"


def test_query():
    with filelock.FileLock("lock"), psycopg.connect(through_the_proxy) as connection:
        assert connection.execute("SELECT 6 * 7").fetchone() == (42,)


@pytest.mark.asyncio
async def test_cut():
    connection = await psycopg.AsyncConnection.connect(through_the_proxy)
    with pytest.raises(psycopg.OperationalError):
        await asyncio.wait_for(connection.execute("SELECT 'cut here'"), 30)
