"""Every CDR of a frame priced at once: rules P1-P16 over arrays, exact, row-local and linear.

In the order of the work: `rulebook` lays the tariffs out, `facts` the sessions, `zones` their local time; `matching`
finds the component of every volume, `amounts` prices it, `steps`, `rounding` and `totals` add what belongs to the whole
session; `spans` and `intervals` say where the CDR leaves the price open; `output` makes frames of it.
"""

from models.rating.kernel.pricing import Rated, rate

__all__ = ["Rated", "rate"]
