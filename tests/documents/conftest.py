"""Sample documents with the variety of a real month; their sums hold, so the pages can be read as pages."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta
from decimal import Decimal

import pytest

from models.billing.documents import (
    BankAccount,
    BillItem,
    CountrySubtotal,
    Document,
    Invoice,
    InvoiceLine,
    MonthlyBill,
    Party,
    Payment,
    PriceLine,
    ReimbursementLine,
    ReimbursementStatement,
    VatAccounting,
    VatRow,
    VehicleSummary,
    WeekEnergy,
)
from models.types.money import rounded
from models.types.vocabularies import AccountKind, ChargeKind, CurrentType, VatCase, VatCategory

SELLER = Party(
    name="Nordstern Mobility GmbH",
    street="Holzmarktstraße 25",
    postal_code="10243",
    city="Berlin",
    country="DE",
    vat_id="DE811234567",
    registration_number="HRB 204512 B, Amtsgericht Charlottenburg",
    email="rechnung@nordstern-mobility.example",
    phone="+49 30 5550 1200",
    website="nordstern-mobility.example",
)
CONSUMER = Party(name="Friederike Böttcher", street="Am Deich 7", postal_code="26122", city="Oldenburg", country="DE")
FLEET = Party(
    name="Polder Logistiek B.V.",
    street="Waalhaven Zuidzijde 19",
    postal_code="3089 JH",
    city="Rotterdam",
    country="NL",
    vat_id="NL854321987B01",
)
ACCOUNT = BankAccount(
    holder="Nordstern Mobility GmbH", iban="DE89370400440532013000", bic="COBADEFFXXX", bank_name="Commerzbank Köln"
)
PLACES = (
    ("Raststätte Hüttener Berge West", "Owschlag", "DE*LDW*E10417*1"),
    ("Marktplatz Morgenthal", "Morgenthal", "DE*SWM*E00233*2"),
    ("Autohof Lohfelden", "Kassel", "DE*LDW*E20881*4"),
)
SHARES = (Decimal("18.250"), Decimal("41.775"), Decimal("9.480"), Decimal("63.125"), Decimal("27.300"))


def cents(value: Decimal) -> Decimal:
    return rounded(value, 2)


def session_line(
    number: int, *, gross: bool, country: str = "DE", case: VatCase = VatCase.E4, plate: str | None = None
) -> InvoiceLine:
    kwh, dc = SHARES[number % len(SHARES)], number % 3 == 0
    price = Decimal("0.79" if dc else "0.59") if gross else Decimal("0.55" if dc else "0.41")
    items = [PriceLine(label="energy", volume=kwh, unit="kWh", unit_price=price, amount=kwh * price)]
    if dc and not gross:
        items.append(PriceLine(label="flat", volume=None, unit=None, unit_price=None, amount=Decimal("0.35")))
    if number % 5 == 4:
        idle = PriceLine(
            label="parking_time", volume=Decimal("1.333333333"), unit="h", unit_price=Decimal(3), amount=Decimal(4)
        )
        items.append(idle)
    precise = sum((item.amount for item in items), Decimal(0))
    rate = Decimal(0) if case is VatCase.E2 else Decimal(19)
    started = datetime(2026, 10, 1 + number * 3 % 30, 7 + number % 15, 5)  # noqa: DTZ001 - local wall time
    name, city, evse = PLACES[number % len(PLACES)]
    gross_amount = cents(precise) if gross else None
    return InvoiceLine(
        line_number=number,
        charge_id=f"session:{number}",
        kind=ChargeKind.SESSION,
        supplied_on=started.date(),
        started_at_local=started,
        ended_at_local=started + timedelta(minutes=42 + number % 7),
        cdr_key=f"DE-LDW-{number:05d}",
        location_name=name,
        location_city=city,
        evse_id=evse,
        current_type=CurrentType.DC if dc else CurrentType.AC,
        energy_kwh=kwh,
        duration_seconds=(42 + number % 7) * 60,
        price_lines=tuple(items),
        vehicle_plate=plate,
        place_country=country,
        vat_country=country,
        vat_case=case,
        vat_category=VatCategory.REVERSE_CHARGE if case is VatCase.E2 else VatCategory.STANDARD,
        vat_rate_pct=rate,
        net_amount=cents(gross_amount / (1 + rate / 100)) if gross_amount is not None else cents(precise),
        gross_amount=gross_amount,
    )


def fee_line(
    number: int, net: str, *, plan: str, gross: str | None = None, case: VatCase, plate: str | None = None
) -> InvoiceLine:
    reverse = case is VatCase.F2
    return InvoiceLine(
        line_number=number,
        charge_id=f"fee:{number}",
        kind=ChargeKind.SUBSCRIPTION,
        supplied_on=date(2026, 10, 31),
        plan_name=plan,
        vehicle_plate=plate,
        place_country="NL" if reverse else "DE",
        vat_country="NL" if reverse else "DE",
        vat_case=case,
        vat_category=VatCategory.REVERSE_CHARGE if reverse else VatCategory.STANDARD,
        vat_rate_pct=Decimal(0) if reverse else Decimal(19),
        net_amount=Decimal(net),
        gross_amount=Decimal(gross) if gross else None,
    )


def weeks(scale: int = 1) -> tuple[WeekEnergy, ...]:
    ac = ("18.250", "46.480", "9.480", "63.125", "27.300")
    dc = ("41.775", "0", "104.900", "41.775", "18.250")
    return tuple(
        WeekEnergy(
            week_start=date(2026, 9, 28) + timedelta(weeks=index),
            ac_kwh=Decimal(ac[index]) * scale,
            dc_kwh=Decimal(dc[index]) * scale,
        )
        for index in range(5)
    )


def vat_rows(lines: tuple[InvoiceLine, ...]) -> tuple[VatRow, ...]:
    keys = sorted({(line.vat_country, line.vat_category, line.vat_rate_pct) for line in lines})
    rows = []
    for country, category, rate in keys:
        key = (country, category, rate)
        taxable = sum(
            (line.net_amount for line in lines if (line.vat_country, line.vat_category, line.vat_rate_pct) == key),
            Decimal(0),
        )
        note = "Reverse charge - Btw verlegd (Art. 195 Directive 2006/112/EC)" if category == "AE" else None
        row = VatRow(
            vat_country=country,
            category=category,
            rate_pct=rate,
            taxable_amount=taxable,
            vat_amount=cents(taxable * rate / 100),
            legal_note=note,
        )
        rows.append(row)
    return tuple(rows)


def invoice_of(lines: tuple[InvoiceLine, ...], **facts: object) -> Invoice:
    """Sum lines to an invoice, the way the issuer does."""
    rows = vat_rows(lines)
    sessions = [line for line in lines if line.kind is ChargeKind.SESSION]
    net = sum((line.net_amount for line in lines), Decimal(0))
    vat = sum((row.vat_amount for row in rows), Decimal(0))
    grosses = [line.gross_amount for line in lines if line.gross_amount is not None]
    rounding = sum(grosses, Decimal(0)) - net - vat if grosses else Decimal(0)
    countries = tuple(
        CountrySubtotal(
            country=country,
            sessions=sum(line.place_country == country for line in sessions),
            energy_kwh=sum(line.energy_kwh or Decimal(0) for line in sessions if line.place_country == country),
            net_amount=sum((line.net_amount for line in sessions if line.place_country == country), Decimal(0)),
        )
        for country in sorted({line.place_country for line in sessions})
    )
    defaults: dict[str, object] = {
        "document_id": "inv-de-2026-000017",
        "series": "INV-DE-2026",
        "sequence": 17,
        "document_number": "INV-DE-2026-000017",
        "bill_number": "BILL-2026-000009",
        "billing_month": "2026-10",
        "issued_on": date(2026, 11, 5),
        "due_on": date(2026, 11, 19),
        "period_from": min(line.supplied_on for line in lines),
        "period_to": max(line.supplied_on for line in lines),
        "language": "de",
        "customer_kind": AccountKind.CONSUMER,
        "seller": SELLER,
        "customer": CONSUMER,
        "account_id": "AC-00412",
        "currency": "EUR",
        "is_gross_price_list": bool(grosses),
        "lines": lines,
        "vat_rows": rows,
        "country_subtotals": countries,
        "weeks": weeks(),
        "sessions": len(sessions),
        "energy_kwh": sum((line.energy_kwh or Decimal(0) for line in sessions), Decimal(0)),
        "net_total": net,
        "vat_total": vat,
        "rounding_amount": rounding,
        "total": net + vat + rounding,
    }
    return Invoice(**(defaults | facts))  # pyright: ignore[reportArgumentType] - named facts of mixed types


def consumer_invoice(**facts: object) -> Invoice:
    """Eight sessions and a monthly fee under a gross price list."""
    lines = tuple(session_line(number, gross=True) for number in range(1, 9))
    fee = fee_line(9, "6.71", plan="Plus", gross="7.99", case=VatCase.F1)
    return invoice_of((*lines, fee), **facts)


def danish_invoice() -> Invoice:
    """Sessions in Denmark, whose VAT is also told in kroner."""
    lines = tuple(session_line(number, gross=True, country="DK") for number in range(1, 4))
    rate = VatAccounting(
        currency="DKK",
        units_per_eur=Decimal("7.4604"),
        rate_date=date(2026, 10, 30),
        rate_source="ECB",
        vat_total=Decimal("63.27"),
    )
    return invoice_of(lines, vat_accounting=rate, language="en")


def fleet_invoice(lines_count: int = 48, vehicles_count: int = 6, **facts: object) -> Invoice:
    """A Dutch fleet: sessions at home under reverse charge, sessions in Germany taxed, a fee per vehicle."""
    plates = [f"{'VKRTLN'[index % 6]}-{120 + index * 37}-HB" for index in range(vehicles_count)]
    lines = [
        session_line(
            number,
            gross=False,
            country="NL" if number % 4 else "DE",
            case=VatCase.E2 if number % 4 else VatCase.E3,
            plate=plates[number % vehicles_count],
        )
        for number in range(1, lines_count + 1)
    ]
    fees = [
        fee_line(lines_count + 1 + index, "3.90", plan="Fleet", case=VatCase.F2, plate=plate)
        for index, plate in enumerate(plates)
    ]
    everything = tuple(lines + fees)
    vehicles = tuple(vehicle_summary(index, plate, everything) for index, plate in enumerate(plates))
    defaults: dict[str, object] = {
        "customer_kind": AccountKind.BUSINESS,
        "customer": FLEET,
        "language": "nl",
        "vehicles": vehicles,
        "weeks": weeks(7),
        "account_id": "AC-00007",
        "notes": ("refund_hint_2008_9",),
        "document_number": "INV-NL-2026-000003",
        "series": "INV-NL-2026",
    }
    return invoice_of(everything, **(defaults | facts))


def vehicle_summary(index: int, plate: str, lines: tuple[InvoiceLine, ...]) -> VehicleSummary:
    own = [line for line in lines if line.vehicle_plate == plate]
    charged = [line for line in own if line.kind is ChargeKind.SESSION]
    energy = {
        current: sum((line.energy_kwh for line in charged if line.current_type is current), Decimal("0.000"))
        for current in CurrentType
    }
    return VehicleSummary(
        vehicle_id=f"VEH-{index:03d}",
        plate=plate,
        model=("Volkswagen ID.7 Tourer", "Škoda Enyaq 85", "Mercedes-Benz eSprinter")[index % 3],
        driver_name=("Joris van den Heuvel", "Fenna de Vries", "Sander Kuipers", "Noor Bakker")[index % 4],
        cost_centre=f"{4100 + index * 10}",
        sessions=len(charged),
        energy_kwh=energy[CurrentType.AC] + energy[CurrentType.DC],
        energy_ac_kwh=energy[CurrentType.AC],
        energy_dc_kwh=energy[CurrentType.DC],
        fee_amount=Decimal("3.90"),
        net_amount=sum((line.net_amount for line in own), Decimal(0)),
    )


def monthly_bill(**facts: object) -> MonthlyBill:
    """Two invoices, one of them over two countries; one amount due."""
    items = (
        BillItem(
            document_number="INV-DE-2026-000017",
            seller_vat_id="DE811234567",
            countries=("DE",),
            sessions=8,
            energy_kwh=Decimal("251.230"),
            net_total=Decimal("144.06"),
            vat_total=Decimal("27.37"),
            rounding_amount=Decimal("0.02"),
            total=Decimal("171.45"),
        ),
        BillItem(
            document_number="INV-DK-2026-000004",
            seller_vat_id="DK31415926",
            countries=("DK",),
            sessions=3,
            energy_kwh=Decimal("69.505"),
            net_total=Decimal("1044.61"),
            vat_total=Decimal("261.15"),
            rounding_amount=Decimal("-0.01"),
            total=Decimal("1305.75"),
        ),
    )
    defaults: dict[str, object] = {
        "document_id": "bill-2026-000009",
        "series": "BILL-2026",
        "sequence": 9,
        "document_number": "BILL-2026-000009",
        "billing_month": "2026-10",
        "issued_on": date(2026, 11, 5),
        "due_on": date(2026, 11, 19),
        "language": "de",
        "customer_kind": AccountKind.CONSUMER,
        "seller": SELLER,
        "customer": CONSUMER,
        "account_id": "AC-00412",
        "plan_names": ("Plus",),
        "items": items,
        "country_subtotals": (
            CountrySubtotal(country="DE", sessions=8, energy_kwh=Decimal("251.230"), net_amount=Decimal("137.35")),
            CountrySubtotal(country="DK", sessions=3, energy_kwh=Decimal("69.505"), net_amount=Decimal("1044.61")),
        ),
        "weeks": weeks(),
        "sessions": 11,
        "energy_kwh": Decimal("320.735"),
        "net_total": Decimal("1188.67"),
        "vat_total": Decimal("288.52"),
        "rounding_amount": Decimal("0.01"),
        "currency": "EUR",
        "total": Decimal("1477.20"),
        "payment": Payment(
            account=ACCOUNT,
            reference="RF18539007547034",
            due_on=date(2026, 11, 19),
            amount=Decimal("1477.20"),
            currency="EUR",
        ),
    }
    return MonthlyBill(**(defaults | facts))  # pyright: ignore[reportArgumentType] - named facts of mixed types


def reimbursement_statement(**facts: object) -> ReimbursementStatement:
    """Nine nights at the charger of a driver's house, at the German reference price."""
    lines = []
    for number in range(1, 10):
        started = datetime(2026, 10, number * 3, 21, 40)  # noqa: DTZ001 - local wall time
        kwh = SHARES[number % len(SHARES)]
        line = ReimbursementLine(
            line_number=number,
            cdr_key=f"DE-SWM-H{number:05d}",
            started_at_local=started,
            ended_at_local=started + timedelta(hours=6, minutes=number),
            evse_id="DE*SWM*EH0042*1",
            meter_id="1ESM1160042217",
            energy_kwh=kwh,
            price_per_kwh=Decimal("0.34"),
            amount=cents(kwh * Decimal("0.34")),
        )
        lines.append(line)
    defaults: dict[str, object] = {
        "document_id": "reimb-2026-000002",
        "series": "REIMB-2026",
        "sequence": 2,
        "document_number": "REIMB-2026-000002",
        "billing_month": "2026-10",
        "issued_on": date(2026, 11, 5),
        "language": "de",
        "issuer": SELLER,
        "employer": Party(
            name="Alpenlogistik GmbH",
            street="Kufsteiner Straße 88",
            postal_code="83022",
            city="Rosenheim",
            country="DE",
            vat_id="DE298765432",
        ),
        "driver": Party(
            name="Leonhard Aigner", street="Ahornweg 3", postal_code="83131", city="Nußdorf am Inn", country="DE"
        ),
        "account_id": "AC-00003",
        "driver_id": "DRV-0031",
        "vehicle_plate": "RO-AL 214E",
        "vehicle_model": "BMW i4 eDrive40",
        "cost_centre": "5210",
        "iban_masked": "DE89 **** **** **** **30 00",
        "payment_reference": "REIMB-2026-000002",
        "currency": "EUR",
        "basis": "reference_flat",
        "legal_reference": "BMF 11.11.2025, IV C 5 - S 2334/00087/014/013: 0,34 EUR/kWh (2026)",
        "lines": tuple(lines),
        "weeks": tuple(
            WeekEnergy(week_start=week.week_start, ac_kwh=week.ac_kwh + 20, dc_kwh=Decimal(0)) for week in weeks()
        ),
        "sessions": len(lines),
        "energy_kwh": sum((line.energy_kwh for line in lines), Decimal(0)),
        "total": sum((line.amount for line in lines), Decimal(0)),
    }
    return ReimbursementStatement(**(defaults | facts))  # pyright: ignore[reportArgumentType] - as above


BUILDERS: dict[str, Callable[..., Document]] = {
    "monthly_bill": monthly_bill,
    "consumer_invoice": consumer_invoice,
    "fleet_invoice": fleet_invoice,
    "reimbursement_statement": reimbursement_statement,
    "danish_invoice": danish_invoice,
}


@pytest.fixture(scope="session")
def build() -> dict[str, Callable[..., Document]]:
    """The builders by name; each takes the facts that a test changes."""
    return BUILDERS


@pytest.fixture(scope="session")
def documents() -> dict[str, Document]:
    """One of each."""
    return {name: builder() for name, builder in BUILDERS.items()}
