"""The plain lane: CDRs of OCPI 2.2.1 that are exactly as the text wants them, thousands at once.

`shapes.py` decodes what is plain; `texts.py`, `numbers.py`, `periods.py` and `carried.py` lay it out as columns, with
what is `repeated.py` read once; `cdrs.py` puts them together and leaves out what acceptance would refuse.
"""

from models.ocpi.plain.carried import CarriedTariffs
from models.ocpi.plain.cdrs import Page, PlainCdrs, plain_cdrs
from models.ocpi.plain.shapes import PLAIN_VERSION

__all__ = ["PLAIN_VERSION", "CarriedTariffs", "Page", "PlainCdrs", "plain_cdrs"]
