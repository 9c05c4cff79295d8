"""Every CDR of a frame priced at once: rules P1-P16 over arrays, exact, row-local and linear.

In the order of the work: `rulebook` lays the tariffs out; `tables`, `alignment` and `facts` the sessions and their
periods; `choosing` finds their tariff and `zones` their local time; `matching` finds the component of every volume,
`amounts` prices it; `steps` and `totals` add what belongs to the whole session; `crossings`, `spans` and `openness`
say where the CDR leaves the price open, `notes` what else a reader should know; `output` makes frames of it.
`pricing` leads the way.
"""

from models.rating.kernel.pricing import Rated, rate

__all__ = ["Rated", "rate"]
