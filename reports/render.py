"""A document's content to HTML: Jinja templates with escaping on and undefined names refused.

`<document>/<version>` names a template; a change that alters pages already sent is a new version beside the old one.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final, assert_never

from jinja2 import Environment

from models.billing.documents import Document, Invoice, MonthlyBill, Party, ReimbursementStatement
from models.types.vocabularies import AccountKind, ChargeKind
from reports.charts import week_chart
from reports.environment import templates
from reports.formats import Formats, in_fours
from reports.labels import labels_for
from reports.labels.english import ENGLISH
from reports.logos import logo_for
from reports.payment import payment_qr
from reports.views import lines_of, vehicle_groups

VERSION: Final = "v1"


@dataclass(frozen=True, slots=True)
class RenderContext:
    """What stands beside a document's content in the register."""

    content_sha256: str


def render_html(document: Document, context: RenderContext) -> str:
    """Give the document as one HTML page; its links are relative to this package.

    Raises:
        reports.labels.UnknownLabelError: the document carries a code without words.
        reports.payment.InvalidAccountError: a bill names an IBAN that fails its check digits.
    """
    labels = labels_for(document.language)
    template = _environment().get_template(f"{template_of(document)}/{VERSION}/document.html.j2")
    issuer = issuer_of(document)
    return template.render(
        document=document,
        context=context,
        labels=labels,
        english=ENGLISH,
        formats=_formats(labels.locale),
        issuer=issuer,
        logo=logo_for(issuer.name),
    )


def template_of(document: Document) -> str:
    """Name the template folder: an invoice is a fleet's where the customer is a business."""
    match document:
        case Invoice(customer_kind=AccountKind.BUSINESS):
            return "fleet_invoice"
        case Invoice():
            return "consumer_invoice"
        case MonthlyBill():
            return "monthly_bill"
        case ReimbursementStatement():
            return "reimbursement_statement"
        case _:
            assert_never(document)


def issuer_of(document: Document) -> Party:
    """Give the party whose letterhead it is."""
    return document.issuer if isinstance(document, ReimbursementStatement) else document.seller


@lru_cache
def _formats(locale: str) -> Formats:
    return Formats(locale)


@lru_cache
def _environment() -> Environment:
    environment = templates()
    environment.globals.update(
        ChargeKind=ChargeKind,
        in_fours=in_fours,
        lines_of=lines_of,
        payment_qr=payment_qr,
        vehicle_groups=vehicle_groups,
        week_chart=week_chart,
    )
    return environment
