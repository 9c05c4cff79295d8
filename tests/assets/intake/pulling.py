"""Pulling a sandbox through the product's own client into a home of its own, without Dagster."""

from datetime import UTC, datetime

import polars as pl

from models.schemas.registry import TABLES, Layer
from pipelines.lib.intake.conservation import conservation
from pipelines.lib.intake.normalise import normalise
from pipelines.lib.intake.pull import pull
from pipelines.lib.lake import Lake
from pipelines.lib.master_data import load_master
from pipelines.lib.ocpi_client import Transport
from pipelines.lib.register import Register
from pipelines.lib.settings import Settings
from pipelines.sandbox.files import write_master

NOW = datetime(2026, 11, 5, 6, tzinfo=UTC)
TYPED = tuple(table for table in TABLES if table.layer == Layer.TYPED)


def without_pauses(monkeypatch):
    """Let the client try again at once: how long it waits is tested where it is built."""
    opened = Transport.open
    monkeypatch.setattr(Transport, "open", lambda connection, **named: opened(connection, first_pause=0.001, **named))


def new_home(world, folder):
    """Make a home that has read its books and received nothing; copying one is cheaper than making one."""
    write_master(world, folder / "master")
    settings = Settings(home=folder)
    lake = Lake(settings.lake)
    for name, frame in load_master(settings.master).items():
        lake.write(Layer.MASTER, name, frame)
    with Register(settings.register).transaction():
        return folder


def settings_for(server, home, monkeypatch, **changes):
    """Give settings with a server's connections, and its tokens in the environment."""
    for name, token in server.tokens().items():
        monkeypatch.setenv(name, token)
    connections = tuple(each.model_copy(update={"page_limit": 25} | changes) for each in server.connections())
    return Settings(home=home, now=NOW, connections=connections)


def pulled(settings, most_pulls=1):
    """Pull until every window was got to its end, at most so many times, then normalise; give the lake."""
    lake, register = Lake(settings.lake), Register(settings.register)
    for _ in range(most_pulls):
        report = pull(settings, lake, register)
        if not report.failures:
            break
    assert [str(failure) for failure in report.failures] == []
    normalise(settings, lake)
    counts = conservation(lake)
    assert counts.filter(pl.col("received") != pl.col("accounted")).is_empty()
    return lake


def rows_of(lake, table):
    """Give a typed table, all its months."""
    return lake.read_months(table.layer, table.name) if table.by_month else lake.read(table.layer, table.name)
