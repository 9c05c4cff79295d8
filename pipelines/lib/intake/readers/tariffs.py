"""Published tariffs, and the rows that tariffs become wherever they stood."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import polars as pl

from models.ocpi.canonical import Tariff
from models.ocpi.fields import remark_of
from models.ocpi.frames import tariff_frames, tariff_version_id
from models.ocpi.reading import noted_tariff
from models.types.vocabularies import TariffSource
from pipelines.lib.intake.readers.reader import PageContext, Read


class Told(NamedTuple):
    """A tariff that some record told."""

    tariff: Tariff
    source: TariffSource
    context: PageContext
    """the page of the record, and when it came"""
    position: int
    """of the record on its page"""


@dataclass
class TariffReader:
    """Reads published tariffs into versions."""

    alpha2: Mapping[str, str]
    _tariffs: dict[str, Told] = field(default_factory=dict)

    def take(self, record: Mapping[str, object], context: PageContext, position: int = 0) -> Read:
        """Read a tariff; the first to bring a content gives the version its time and its place."""
        tariff, notes = noted_tariff(record, context.ocpi_version, owner_id=context.owner_id)
        published = Told(tariff, TariffSource.PUBLISHED, context, position)
        self._tariffs.setdefault(tariff_version_id(tariff), published)
        return Read(tariff.last_updated_at, remark=remark_of(notes))

    def frames(self) -> dict[str, pl.DataFrame]:
        """Give versions and components."""
        return tariff_rows(self._tariffs)


def tariff_rows(tariffs: Mapping[str, Told]) -> dict[str, pl.DataFrame]:
    """Give versions, each with the page and position that it came from, and components of tariffs, by table."""
    told = tariffs.values()
    versions, components = tariff_frames((each.tariff, each.source, each.context.received_at) for each in told)
    places = (
        pl.Series("page_sha256", [each.context.sha256 for each in told], pl.String),
        pl.Series("page_position", [each.position for each in told], pl.Int32),
    )
    return {"tariff_versions": versions.with_columns(places), "tariff_components": components}
