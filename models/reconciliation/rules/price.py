"""Rules about the price: was it computed right, by which mistake not, and in the agreed currency?"""

from decimal import Decimal

import polars as pl

from models.reconciliation.causes import TIME_CAUSES, Cause
from models.reconciliation.evidence import Evidence
from models.reconciliation.prices import WITH_VAT, net_difference
from models.reconciliation.rules.rule import Need, found, rule, sentence
from models.reconciliation.wording import billed, number
from models.types.money import VOLUME
from models.types.vocabularies import Severity

_PARTS = ("energy", "time", "parking", "fixed", "reservation")
_NOT_COMPARABLE = Need(
    "claimed and recomputed price are not known on the same side of VAT", lambda _: pl.col("price_basis").is_null()
)
_UNPRICED = Need("the session could not be priced", lambda _: ~pl.col("is_priced"))


@rule("R21", "price difference", Severity.BLOCK, needs=(_UNPRICED, _NOT_COMPARABLE))
def price_difference(evidence: Evidence) -> pl.DataFrame:
    """The claimed total differs from the recomputed one by more than the agreement tolerates.

    Tolerated is the larger of `tolerance_amount` and `tolerance_pct` of the recomputed price. Where the CDR leaves its
    price open, the difference counts from the nearest price that it allows.
    """
    broken = _explained(_with_parts(evidence.differing, evidence), evidence)
    told = sentence(
        "claims {} {} {}, recomputed {} {}: a difference of {} {}",
        *("claimed_price", "currency", "price_basis", "recomputed_price", "currency", "difference", "currency"),
    )
    because = sentence("{} ({})", told, pl.col("causes").list.join(" or "))
    return found(
        broken,
        message=pl.when(pl.col("causes").list.len() > 0).then(because).otherwise(told),
        expected=_on_its_basis("recomputed_price"),
        actual=_on_its_basis("claimed_price"),
        stake=net_difference(),
        measured=pl.col("claimed_price"),
        permitted=pl.col("recomputed_price"),
        unit=pl.col("currency"),
        causes=pl.col("causes"),
        **{f"{part}_difference": pl.col(f"{part}_difference") for part in _PARTS},
    )


def _on_its_basis(price: str) -> pl.Expr:
    """Write a price; one with VAT says so, because everything else about a dispute is without."""
    plain = sentence("{} {}", price, "currency")
    return pl.when(pl.col("price_basis") == WITH_VAT).then(pl.format("{} {}", plain, "price_basis")).otherwise(plain)


def _with_parts(broken: pl.DataFrame, evidence: Evidence) -> pl.DataFrame:
    """Add claimed minus recomputed per sub-total; null where either is unknown."""
    priced = evidence.priced.select("cdr_key", *(pl.col(f"{part}_excl_vat") for part in _PARTS))
    differences = [
        (billed(pl.col(f"{part}_cost_excl_vat")) - billed(pl.col(f"{part}_excl_vat"))).alias(f"{part}_difference")
        for part in _PARTS
    ]
    return broken.join(priced, on="cdr_key", how="left", validate="1:1").with_columns(differences)


def _explained(broken: pl.DataFrame, evidence: Evidence) -> pl.DataFrame:
    """Add `causes`: what explains each claim to the cent, with the tariff version where a cause has one."""
    told = pl.when(pl.col("detail").is_null()).then(pl.col("cause")).otherwise(pl.format("{} {}", "cause", "detail"))
    causes = evidence.around.causes.sort("cdr_key", "cause", "detail").group_by("cdr_key", maintain_order=True)
    joined = broken.join(causes.agg(told.alias("causes")), on="cdr_key", how="left", validate="1:1")
    return joined.with_columns(pl.col("causes").fill_null(pl.lit([], pl.List(pl.String))))


@rule("R23", "no agreed price", Severity.BLOCK)
def no_agreed_price(evidence: Evidence) -> pl.DataFrame:
    """The claim cannot be held against a price: no agreement with the CPO, or no price that can be recomputed."""
    is_comparable = pl.col("price_basis").is_not_null()
    why = (
        pl.when(~pl.col("has_agreement"))
        .then(sentence("no agreement with {} is in force at the start", "cpo_id"))
        .when(~pl.col("is_priced"))
        .then(sentence("cannot be priced: {}", "not_priced_reason"))
        .otherwise(pl.lit("claimed and recomputed price are not known on the same side of VAT"))
    )
    return found(
        evidence.claims.filter(~(pl.col("has_agreement") & pl.col("is_priced") & is_comparable)),
        message=why,
        expected=pl.lit("an agreed tariff that prices the session"),
        actual=sentence("claimed {} {}", "claimed", "currency"),
        stake=pl.col("claimed"),
    )


@rule("R24", "not the agreed currency", Severity.BLOCK)
def not_the_agreed_currency(evidence: Evidence) -> pl.DataFrame:
    """The CDR's currency is not the one of the agreement."""
    return found(
        evidence.claims.filter(pl.col("currency") != pl.col("agreed_currency")),
        message=sentence("claims in {}, the agreement with {} is in {}", "currency", "cpo_id", "agreed_currency"),
        expected=pl.col("agreed_currency"),
        actual=pl.col("currency"),
        stake=pl.col("claimed"),
    )


@rule("R26", "wrong time of day", Severity.REVIEW, needs=(_UNPRICED, _NOT_COMPARABLE))
def wrong_time_of_day(evidence: Evidence) -> pl.DataFrame:
    """The claimed price is what the session costs an hour earlier or later, or with UTC taken for local time."""
    return _caused_by(evidence, TIME_CAUSES, "the price of another time of day")


@rule("R28", "step per period", Severity.REVIEW, needs=(_UNPRICED, _NOT_COMPARABLE))
def step_per_period(evidence: Evidence) -> pl.DataFrame:
    """The claimed price is what the session costs with every charging period rounded up, and not the session once."""
    return _caused_by(evidence, (Cause.STEP_PER_PERIOD,), "the price with every period rounded up")


def _caused_by(evidence: Evidence, causes: tuple[Cause, ...], what: str) -> pl.DataFrame:
    """Find the price differences that one of these causes explains to the cent."""
    names = [str(cause) for cause in causes]
    own = evidence.around.causes.filter(pl.col("cause").is_in(names)).select("cdr_key").unique()
    broken = evidence.differing.join(own, on="cdr_key", how="semi")
    return found(
        _explained(broken, evidence),
        message=sentence("claims {} {}, {}", "claimed_price", "currency", pl.lit(what)),
        expected=_on_its_basis("recomputed_price"),
        actual=_on_its_basis("claimed_price"),
        stake=net_difference(),
        severity=Severity.REVIEW,
        measured=pl.col("claimed_price"),
        permitted=pl.col("recomputed_price"),
        unit=pl.col("currency"),
        causes=pl.col("causes"),
    )


def _no_rate(evidence: Evidence) -> pl.Expr:
    known = evidence.around.vat_rates.get_column("country").unique()
    return ~pl.col("charge_country").is_in(known.implode()).fill_null(False)


@rule(
    "R29",
    "VAT of another country or date",
    Severity.REVIEW,
    needs=(
        Need(
            "the CDR does not say its total both with and without VAT",
            lambda _: pl.col("total_cost_excl_vat").is_null() | pl.col("total_cost_incl_vat").is_null(),
        ),
        Need("no VAT rate of the country is known", _no_rate),
    ),
)
def vat_of_another_country(evidence: Evidence) -> pl.DataFrame:
    """The total with VAT is not the total without and the standard rate of the charge point's country on that day.

    A total without any VAT is no fault: reverse charge and exports look like this. Compared without a division, within
    the tolerance (0.02).
    """
    rates = evidence.around.vat_rates
    fitting = evidence.claims.drop_nulls(["total_cost_excl_vat", "total_cost_incl_vat"]).filter(
        pl.col("total_cost_incl_vat") != pl.col("total_cost_excl_vat")
    )
    dated = fitting.join(rates, left_on="charge_country", right_on="country", how="inner").filter(_is_of_the_day())
    one = dated.sort("cdr_key", "vat_valid_from").unique("cdr_key", keep="last", maintain_order=True)
    excl, incl = (pl.col(f"total_cost_{side}").cast(pl.Decimal(38, 9)) for side in ("excl_vat", "incl_vat"))
    off = (incl - excl) * 100 - excl * pl.col("rate_pct")
    rate = number(pl.col("rate_pct"))
    return found(
        one.filter(off.abs() > evidence.limits.expr("vat_tolerance") * 100),
        message=sentence("VAT of {} on {} {} is not {} %", number(incl - excl), number(excl), "currency", rate),
        expected=sentence("{} % of {}", rate, "charge_country"),
        actual=sentence("{} {} with VAT", number(incl), "currency"),
        severity=Severity.REVIEW,
        measured=(incl - excl).cast(VOLUME),
        permitted=pl.col("rate_pct"),
        unit=pl.lit("% of the total excl. VAT"),
    )


def _is_of_the_day() -> pl.Expr:
    """Tell whether a rate held on the day of the start (valid_to exclusive)."""
    day = pl.col("started_at").dt.date()
    return (pl.col("vat_valid_from") <= day) & (pl.col("vat_valid_to").is_null() | (day < pl.col("vat_valid_to")))


def _no_cap(evidence: Evidence) -> pl.Expr:
    return (pl.col("currency") != "EUR") & ~evidence.limits.is_set("most_per_kwh")


@rule(
    "R37",
    "dear energy",
    Severity.INFO,
    needs=(
        Need("the default bound is in EUR, and the agreement names none in its currency", _no_cap),
        Need("no energy was delivered", lambda _: pl.col("total_energy_kwh") <= 0),
    ),
)
def dear_energy(evidence: Evidence) -> pl.DataFrame:
    """The session costs more than 1.00 EUR per kWh, all told; in another currency as the agreement says."""
    most = evidence.limits.expr("most_per_kwh")
    energy = pl.col("total_energy_kwh").cast(pl.Decimal(38, 9))
    is_dear = pl.col("claimed").cast(pl.Decimal(38, 9)) > energy * most
    per_kwh = _quotient(pl.col("claimed"), energy)
    return found(
        evidence.claims.filter(~_no_cap(evidence) & (energy > 0) & is_dear),
        message=sentence("{} {} for {} kWh: {} per kWh", "claimed", "currency", number(energy), per_kwh),
        expected=sentence("at most {} per kWh", number(most)),
        actual=sentence("{} per kWh", per_kwh),
        severity=Severity.INFO,
        measured=per_kwh,
        permitted=most,
        unit=sentence("{}/kWh", "currency"),
    )


def _quotient(amount: pl.Expr, volume: pl.Expr) -> pl.Expr:
    """Divide two decimals above zero to three decimals, half away from zero: as whole numbers, never as floats."""
    units, over = (side.cast(pl.Decimal(38, 9)).to_physical().cast(pl.Int128) for side in (amount, volume))
    thousandths = (units * 2000 + over) // (over * 2)
    return thousandths.cast(pl.Decimal(38, 0)) * pl.lit(Decimal("0.001"))
