"""URLs of databases: what is understood, what is refused, and that no password is ever repeated."""

from __future__ import annotations

import logging
import traceback

import pytest

from bot.errors import BadInputError, StoreDownError
from bot.store.database import Database, read_url
from bot.store.sql import open_store

SECRET = "s3cr3t/&pässword"
QUOTED = "s3cr3t%2F%26p%C3%A4ssword"


@pytest.mark.parametrize(
    ("text", "driver"),
    [
        ("sqlite:///relative.db", "sqlite+aiosqlite"),
        ("sqlite+aiosqlite:////var/lib/f.db", "sqlite+aiosqlite"),
        ("postgresql://u@h/d", "postgresql+asyncpg"),
        ("postgres://u@h:5433/d?sslmode=require", "postgresql+asyncpg"),
        ("postgresql+psycopg://u@h/d", "postgresql+asyncpg"),
    ],
)
def test_urls_are_understood_as_people_write_them(text, driver):
    assert read_url(text).drivername == driver


@pytest.mark.parametrize(
    ("text", "words"),
    [
        pytest.param("faultline.db", "cannot be read", id="a bare path"),
        pytest.param("mysql://u@h/d", "'mysql'", id="another database"),
        pytest.param("sqlite://", "must name a file", id="sqlite in memory"),
        pytest.param("sqlite:///:memory:", "must name a file", id="sqlite in memory by name"),
        pytest.param("postgresql://u@h", "names no database", id="no database"),
        pytest.param("postgresql://u@h/d?target_session_attrs=any", "target_session_attrs", id="unknown option"),
        pytest.param("postgresql://u:p@h:s3cr3t/d", "cannot be read", id="a password where the port should be"),
    ],
)
def test_urls_that_cannot_work_are_refused_without_quoting_them(text, words):
    with pytest.raises(BadInputError, match=words) as refused:
        read_url(text)

    assert "s3cr3t" not in "".join(traceback.format_exception(refused.value))


@pytest.mark.enable_socket
async def test_a_server_that_is_not_there_is_a_store_that_is_down(unused_tcp_port, caplog):
    caplog.set_level(logging.DEBUG)

    with pytest.raises(StoreDownError) as down:
        await open_store(f"postgresql://u:{QUOTED}@127.0.0.1:{unused_tcp_port}/d")

    everything = "".join(traceback.format_exception(down.value)) + caplog.text
    for spelling in (SECRET, QUOTED):
        assert spelling not in everything


def test_a_message_of_the_driver_that_repeats_the_password_is_blotted():
    database = Database(read_url(f"postgresql://u:{QUOTED}@127.0.0.1/d"))

    assert database._plain(OSError(f"no route with {SECRET} or {QUOTED}")) == "no route with *** or ***"
    assert "s3cr3t" not in database.name
