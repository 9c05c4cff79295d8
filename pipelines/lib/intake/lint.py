"""The lint of every tariff version that was received, as it is offered: `typed/tariff_lint`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any, Final

import polars as pl

from models.ocpi.contents import tariff_of_content
from models.ocpi.locations import is_time_zone
from models.reference.lint import LintFinding, lint_tariff
from models.reference.lint_places import Offered, dst_windows, foreign_currency, rivals, unknown_keys
from models.schemas.registry import Layer, table
from pipelines.lib.lake import Lake

_SCHEMA: Final = table(Layer.TYPED, "tariff_lint").schema
_Found = Mapping[str, list[LintFinding]]


def lint(lake: Lake, history: pl.DataFrame, statements: pl.DataFrame) -> pl.DataFrame:
    """Give the findings about all tariff versions, in the order of the checks.

    Args:
        lake: has tariff versions and connectors.
        history: `typed/tariff_history`: rivals on a connector are looked for among what is believed now.
        statements: what was stated about tariffs, with the fields that OCPI does not know.
    """
    versions = lake.read(Layer.TYPED, "tariff_versions").sort("tariff_version_id")
    offered = _offered(versions, lake.read(Layer.TYPED, "connectors"))
    found: dict[str, list[LintFinding]] = defaultdict(list)
    for version, known_from in zip(offered.values(), versions["known_from"], strict=True):
        found[version.version_id] += _about(version, known_from)
    for version_id, unknown in _unknown(statements):
        found[version_id] += unknown_keys(unknown)
    for version_id, finding in _rivals(lake, offered, history):
        found[version_id].append(finding)
    keys = dict(versions.select("tariff_version_id", "tariff_key").iter_rows())
    rows = [
        {"tariff_version_id": version, "finding_index": index, "tariff_key": keys[version], **asdict(finding)}
        for version, findings in sorted(found.items())
        if version in keys
        for index, finding in enumerate(dict.fromkeys(findings))
    ]
    return _frame(rows)


def _about(version: Offered, known_from: datetime) -> Iterator[LintFinding]:
    yield from lint_tariff(version.tariff)
    yield from foreign_currency(version)
    yield from dst_windows(version, known_from.year)


def _offered(versions: pl.DataFrame, connectors: pl.DataFrame) -> dict[str, Offered]:
    """Give each version with the countries and zones of the connectors that list its tariff."""
    places = (
        connectors.explode("tariff_ids", empty_as_null=False)
        .group_by(tariff_key=pl.format("{}*{}", "cpo_id", "tariff_ids").str.to_uppercase())
        .agg(pl.col("country").drop_nulls().unique(), pl.col("time_zone").drop_nulls().unique())
    )
    where = {key: (frozenset(countries), frozenset(zones)) for key, countries, zones in places.iter_rows()}
    nowhere = (frozenset[str](), frozenset[str]())
    columns = ("tariff_version_id", "tariff_key", "content_json", "tariff_type")
    return {
        version_id: Offered(
            version_id,
            tariff_of_content(content, tariff_type),
            where.get(key, nowhere)[0],
            frozenset(filter(is_time_zone, where.get(key, nowhere)[1])),
        )
        for version_id, key, content, tariff_type in versions.select(columns).iter_rows()
    }


def _unknown(statements: pl.DataFrame) -> Iterator[tuple[str, list[str]]]:
    said = statements.filter(pl.col("unknown").list.len() > 0, pl.col("tariff_version_id").is_not_null())
    yield from said.select("tariff_version_id", "unknown").unique(maintain_order=True).iter_rows()


def _rivals(lake: Lake, offered: Mapping[str, Offered], history: pl.DataFrame) -> Iterator[tuple[str, LintFinding]]:
    """Find rivals among the versions believed now, on every connector that lists more than one tariff."""
    believed = history.filter(pl.col("known_to").is_null(), pl.col("tariff_version_id").is_not_null())
    listed = (
        lake.read(Layer.TYPED, "connectors")
        .filter(pl.col("tariff_ids").list.len() > 1)
        .explode("tariff_ids")
        .select("connector_key", tariff_key=pl.format("{}*{}", "cpo_id", "tariff_ids").str.to_uppercase())
        .join(believed.select("tariff_key", "tariff_version_id").unique(), on="tariff_key", how="inner")
        .filter(pl.col("tariff_version_id").is_in(list(offered)))
        .unique(["connector_key", "tariff_version_id"])
        .group_by("connector_key")
        .agg(pl.col("tariff_version_id").sort())
        .filter(pl.col("tariff_version_id").list.len() > 1)
        .group_by("tariff_version_id")
        .agg(pl.col("connector_key").min())
        .sort("connector_key")
    )
    for version_ids, connector_key in listed.iter_rows():
        yield from rivals(connector_key, [offered[version_id] for version_id in version_ids])


def _frame(rows: list[dict[str, Any]]) -> pl.DataFrame:
    columns = {name: [row[name] for row in rows] for name in _SCHEMA}
    texts = {name: list(map(str, columns[name])) for name in ("code", "severity")}
    return pl.DataFrame(columns | texts, schema=_SCHEMA)
