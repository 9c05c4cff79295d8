"""What a lake says of the one company whose back office this is."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from models.schemas.registry import Layer
from pipelines.lib.errors import UserError
from pipelines.lib.lake import Lake


def company_zone(lake: Lake) -> ZoneInfo:
    """Give the time zone of billing months: that of the one legal entity.

    Raises:
        UserError: when master data does not name exactly one.
    """
    entities = lake.read(Layer.MASTER, "legal_entities")
    if entities.height != 1:
        found = ", ".join(entities["legal_entity_id"]) or "none"
        msg = f"legal_entities.csv: exactly one legal entity is supported, found {found}: keep one line"
        raise UserError(msg)
    return ZoneInfo(entities["time_zone"].item())
