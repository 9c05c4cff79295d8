"""The order in which an invoice shows its lines: a partition of what the document holds, with nothing added up."""

from __future__ import annotations

from dataclasses import dataclass

from models.billing.documents import Invoice, InvoiceLine, VehicleSummary
from models.types.vocabularies import ChargeKind


@dataclass(frozen=True, slots=True)
class VehicleGroup:
    """The lines of one vehicle under its summary; None for lines without a known vehicle."""

    summary: VehicleSummary | None
    lines: tuple[InvoiceLine, ...]


def lines_of(invoice: Invoice, kind: ChargeKind) -> tuple[InvoiceLine, ...]:
    """Give the lines of one kind, in the document's order."""
    return tuple(line for line in invoice.lines if line.kind == kind)


def vehicle_groups(invoice: Invoice) -> tuple[VehicleGroup, ...]:
    """Give every line exactly once, under the first vehicle with its plate, in the order of the vehicle summary."""
    by_plate: dict[str | None, list[InvoiceLine]] = {}
    known = {vehicle.plate for vehicle in invoice.vehicles}
    for line in invoice.lines:
        by_plate.setdefault(line.vehicle_plate if line.vehicle_plate in known else None, []).append(line)
    groups = [VehicleGroup(vehicle, tuple(by_plate.pop(vehicle.plate, ()))) for vehicle in invoice.vehicles]
    groups.append(VehicleGroup(None, tuple(by_plate.pop(None, ()))))
    return tuple(group for group in groups if group.lines)
