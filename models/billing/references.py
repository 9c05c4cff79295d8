"""Payment references (ISO 11649, `RF18...`) and masked account numbers."""

from stdnum.iso7064 import mod_97_10


def rf_reference(document_number: str) -> str:
    """Give the creditor reference of a document number: its letters and digits behind RF and two check digits."""
    text = "".join(sign for sign in document_number.upper() if sign.isascii() and sign.isalnum())
    return f"RF{mod_97_10.calc_check_digits(f'{text}RF')}{text}"


def masked_iban(iban: str) -> str:
    """Show the first and last four signs of an IBAN in its groups of four: `DE89 **** **** **** **30 00`."""
    compact = iban.replace(" ", "").upper()
    masked = compact[:4] + "*" * (len(compact) - 8) + compact[-4:]
    return " ".join(masked[start : start + 4] for start in range(0, len(masked), 4))
