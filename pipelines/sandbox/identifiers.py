"""Made-up identifiers with the check digits that real ones have."""

from __future__ import annotations

from random import Random

from stdnum.iso7064 import mod_37_36, mod_97_10

_SCATTER = 61_803_399
"""no factor in common with 10^8, so it permutes the serials"""

NEVER_ISSUED = 50_000_000
"""the eMSP's serials stay far below"""


def emaid(serial: int) -> str:
    """Give the e-mobility contract id of a serial number below 10^8; no two serials share one.

    The last character is an ISO 7064 mod 37,36 check character.
    """
    instance = f"C{serial * _SCATTER % 10**8:08d}"
    return f"DE-NST-{instance}-{mod_37_36.calc_check_digit(f'DENST{instance}')}"


def token_uid(random: Random) -> str:
    """Give the seven-byte serial number of an RFID card, in hex."""
    return f"04{random.getrandbits(48):012X}"


def iban(country: str, random: Random) -> str:
    """Give an IBAN of an invented bank with valid check digits (ISO 13616), for DE or NL."""
    if country == "NL":
        bban = f"NSTX{random.randrange(10**10):010d}"
    else:
        bban = f"1009990{random.randrange(10)}{random.randrange(10**10):010d}"
    return f"{country}{mod_97_10.calc_check_digits(f'{bban}{country}')}{bban}"
