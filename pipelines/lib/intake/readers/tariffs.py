"""Published tariffs, and the rows that tariffs become wherever they stood."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

import polars as pl

from models.ocpi.canonical import Tariff
from models.ocpi.fields import remark_of
from models.ocpi.frames import tariff_frames, tariff_version_id
from models.ocpi.reading import noted_tariff
from models.types.vocabularies import TariffSource
from pipelines.lib.intake.readers.reader import PageContext, Read

Told = tuple[Tariff, TariffSource, datetime]
"""a tariff, where it stood, and when it came"""


@dataclass
class TariffReader:
    """Reads published tariffs into versions."""

    alpha2: Mapping[str, str]
    _tariffs: dict[str, Told] = field(default_factory=dict)

    def take(self, record: Mapping[str, object], context: PageContext) -> Read:
        """Read a tariff; the first to bring a content gives the version its time."""
        tariff, notes = noted_tariff(record, context.ocpi_version, owner_id=context.owner_id)
        published = (tariff, TariffSource.PUBLISHED, context.received_at)
        self._tariffs.setdefault(tariff_version_id(tariff), published)
        return Read(tariff.last_updated_at, remark=remark_of(notes))

    def frames(self) -> dict[str, pl.DataFrame]:
        """Give versions and components."""
        return tariff_rows(self._tariffs)


def tariff_rows(tariffs: Mapping[str, Told]) -> dict[str, pl.DataFrame]:
    """Give versions and components of tariffs, by table."""
    versions, components = tariff_frames(tariffs.values())
    return {"tariff_versions": versions, "tariff_components": components}
