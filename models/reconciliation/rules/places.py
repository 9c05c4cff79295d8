"""Rules about the charge point: is it where it says, can it be what it says, and is it ours to refund?"""

import polars as pl

from models.reconciliation.evidence import Evidence
from models.reconciliation.rules.rule import Need, found, needs_column, rule, sentence
from models.reconciliation.wording import number
from models.types.vocabularies import Severity

_COUNTRY = needs_column("the CDR does not say its country", "charge_country")


def _legal_tender(evidence: Evidence) -> pl.Expr:
    """Tell whether the CDR's currency is legal tender where it was charged; null where that is not known."""
    tender = evidence.around.currencies.with_columns(pl.concat_str("country", "currency").alias("pair"))
    is_known = pl.col("charge_country").is_in(tender["country"].unique().implode())
    is_tender = pl.concat_str("charge_country", "currency").is_in(tender["pair"].implode())
    return pl.when(is_known).then(is_tender)


@rule("R34", "country, party and currency do not go together", Severity.INFO, needs=(_COUNTRY,))
def odd_country(evidence: Evidence) -> pl.DataFrame:
    """The charge point is in another country than its party, or its currency is not legal tender there.

    An information only: parties may run sites abroad, and home chargers of one CPO stand wherever drivers live.
    """
    party = pl.col("cpo_id").str.slice(0, 2).str.to_uppercase()
    is_abroad = (pl.col("charge_country") != party) & ~pl.col("is_home_charging")
    is_foreign = ~_legal_tender(evidence).fill_null(True)
    why = (
        pl.when(is_abroad & is_foreign)
        .then(sentence("{} charges in {}, and claims {}", "cpo_id", "charge_country", "currency"))
        .when(is_abroad)
        .then(sentence("{} charges in {}", "cpo_id", "charge_country"))
        .otherwise(sentence("claims {} for a charge in {}", "currency", "charge_country"))
    )
    return found(
        evidence.claims.filter(is_abroad | is_foreign),
        message=why,
        expected=party,
        actual=sentence("{}, {}", "charge_country", "currency"),
        severity=Severity.INFO,
    )


@rule(
    "R35",
    "connector that cannot be",
    Severity.REVIEW,
    needs=(
        needs_column("the power of the connector is not known", "connector_power_kw"),
        needs_column("neither the CDR nor its connector says whether it is AC or DC", "power_type"),
    ),
)
def connector_that_cannot_be(evidence: Evidence) -> pl.DataFrame:
    """The connector has more power than its type can have: 43 kW for AC, 500 kW for DC."""
    is_dc = pl.col("power_type").str.to_uppercase().str.starts_with("DC")
    most = pl.when(is_dc).then(evidence.limits.expr("dc_kw")).otherwise(evidence.limits.expr("ac_kw"))
    power = number(pl.col("connector_power_kw"))
    return found(
        evidence.claims.filter(pl.col("power_type").is_not_null() & (pl.col("connector_power_kw") > most)),
        message=sentence("its connector of type {} has {} kW", "power_type", power),
        expected=sentence("at most {} kW", most),
        actual=sentence("{} kW", power),
        severity=Severity.REVIEW,
        measured=pl.col("connector_power_kw"),
        permitted=most,
        unit="kW",
    )


def _no_register(evidence: Evidence) -> pl.Expr:
    return pl.lit(evidence.around.home_chargers.is_empty()) & pl.col("is_home_charging")


@rule(
    "R38",
    "home charger that is not registered",
    Severity.BLOCK,
    needs=(Need("no home charger is registered at all", _no_register),),
)
def unregistered_home_charger(evidence: Evidence) -> pl.DataFrame:
    """The CDR says that it was charged at home, and no home charger of ours has its EVSE id on that day."""
    registered = evidence.around.home_chargers.select(_bare("evse_id"), "valid_from", "valid_to")
    home = evidence.claims.filter(pl.col("is_home_charging") & ~_no_register(evidence))
    day = pl.col("started_at").dt.date()
    in_force = (pl.col("home_from") <= day) & (pl.col("home_to").is_null() | (day < pl.col("home_to")))
    named = registered.rename({"evse_id": "bare_evse", "valid_from": "home_from", "valid_to": "home_to"})
    keyed = home.with_columns(_bare("evse_id").alias("bare_evse"))
    fits = keyed.select("cdr_key", "started_at", "bare_evse").join(named, on="bare_evse", how="inner").filter(in_force)
    return found(
        home.join(fits.select("cdr_key").unique(), on="cdr_key", how="anti"),
        message=sentence("charged at home at {}, which is not registered", "evse_id"),
        expected=pl.lit("a registered home charger"),
        actual=pl.col("evse_id"),
        stake=pl.col("claimed"),
    )


def _bare(name: str) -> pl.Expr:
    return pl.col(name).str.to_uppercase()
