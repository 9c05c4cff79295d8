"""Made-up identifiers with the check digits that real ones have."""

from __future__ import annotations

from random import Random

from stdnum.iso7064 import mod_37_36, mod_97_10


def emaid(random: Random) -> str:
    """Give an e-mobility contract id of the eMSP; its last character is an ISO 7064 mod 37,36 check character."""
    instance = f"C{random.randrange(10**8):08d}"
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
