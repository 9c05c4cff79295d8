"""The payment QR of a monthly bill (EPC069-12, `GiroCode`): a banking app reads amount, account and reference."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

import segno.helpers
from markupsafe import Markup
from schwifty import IBAN
from schwifty.exceptions import SchwiftyException

from models.billing.documents import Payment

_LEAST: Final = Decimal("0.01")
_MOST: Final = Decimal("999999999.99")


class InvalidAccountError(ValueError):
    """The payee's IBAN fails its check digits; the text names it."""


def payment_qr(payment: Payment) -> Markup | None:
    """Draw the QR as inline SVG; None where EPC has none: not in EUR, or nothing to pay.

    Raises:
        InvalidAccountError: the IBAN is wrong. The QR library would encode it, and the money would go astray.
    """
    try:
        iban = IBAN(payment.account.iban, validate_bban=True)
    except SchwiftyException as error:
        msg = f"IBAN {payment.account.iban} of {payment.account.holder} is not valid ({error}): correct the account"
        raise InvalidAccountError(msg) from None
    if payment.currency != "EUR" or not _LEAST <= payment.amount <= _MOST:
        return None
    code = segno.helpers.make_epc_qr(
        name=payment.account.holder[:70],
        iban=iban.compact,
        amount=payment.amount,
        reference="".join(payment.reference.split()),
        bic=payment.account.bic,
    )
    # Markup is safe here: segno writes only its own tags and the modules' coordinates, none of the text.
    return Markup(code.svg_inline(border=0, dark="#14222b", omitsize=True))  # noqa: S704
