"""What a past month would have come to under another plan or another tariff: computed, shown, and stored nowhere.

The same kernel prices it that priced the month. Nothing here writes to the lake, the register or a document.
"""

from pipelines.lib.what_if.by_plan import reprice_by_plan
from pipelines.lib.what_if.by_tariff import read_tariff_file, reprice_by_tariff
from pipelines.lib.what_if.effects import WhatIf, all_effects, effects_by, not_compared, open_prices

__all__ = [
    "WhatIf",
    "all_effects",
    "effects_by",
    "not_compared",
    "open_prices",
    "read_tariff_file",
    "reprice_by_plan",
    "reprice_by_tariff",
]
