"""From the tables of a month to evidence packs: every figure is looked up, and nothing is computed a second time."""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any, Final, TypeVar

import msgspec

from models.reconciliation.cases import CaseEvent
from models.reconciliation.packs.discretion import OURS_ALONE, Discretion
from models.reconciliation.packs.findings import findings_of, other_keys
from models.reconciliation.packs.found import NotChecked
from models.reconciliation.packs.pack import (
    FORMAT,
    Authorization,
    Case,
    Claim,
    Event,
    EvidencePack,
    PowerProfile,
    Received,
    Recipient,
    Session,
)
from models.reconciliation.packs.power import Period, power_profile
from models.reconciliation.packs.priced import PricedRow, Recomputation, SubTotal
from models.reconciliation.packs.tables import PackTables, Row
from models.reconciliation.packs.tariffs import tariffs_of
from models.types.money import BILLED_SCALE, rounded
from models.types.vocabularies import RatingOutcome

Facts = TypeVar("Facts")
_NONE: Final = Decimal(0)
_PARTS: Final = ("energy", "time", "parking", "fixed", "reservation", "total")
_UNMATCHED: Final = {"match_kind": "none", "reason": None, "session_match_kind": "none", "session_reason": None}
_NOT_PRICED: Final = {"outcome": RatingOutcome.NOT_PRICED, "reason": "it was not priced", "notes": ()}


def facts_of(kind: type[Facts], *rows: Row, **more: Any) -> Facts:  # noqa: ANN401 - whatever the field wants
    """Fill a value from columns of its fields' names; what no row names has its default."""
    found: dict[str, Any] = {name: value for row in rows for name, value in row.items()}
    return msgspec.convert(found | more, kind)


def pack_of(tables: PackTables, key: str) -> EvidencePack:
    """Make the pack of one CDR of the month.

    Raises:
        LookupError: where the month has no such CDR, or it was not judged.
    """
    cdr, verdict = tables.row("cdrs", key), tables.row("verdicts", key)
    if not cdr or not verdict:
        msg = f"CDR {key} is not among those judged in its month"
        raise LookupError(msg)
    claim = facts_of(Claim, cdr)
    discretion = discretion_of(tables, claim)
    return EvidencePack(
        format=FORMAT,
        sender=tables.sender,
        recipient=Recipient(cpo_id=claim.cpo_id, name=tables.row("agreements", claim.cpo_id).get("name")),
        case=_case(tables, verdict, discretion),
        claim=claim,
        received=tables.received.get(key) or facts_of(Received, cdr, problem="its raw page was not looked up"),
        authorization=_authorization(tables, key),
        session=_session(tables, key),
        tariffs=tariffs_of(tables, key),
        recomputation=_recomputation(tables, cdr, verdict),
        findings=findings_of(tables, claim, discretion),
        not_checked=tuple(facts_of(NotChecked, row) for row in tables.rows("not_checked", key)),
        events=tuple(_event(event, discretion) for event in _in_time(tables.events.get(key, ()))),
        power=_power(tables, cdr, claim),
    )


def discretion_of(tables: PackTables, claim: Claim) -> Discretion:
    """Withhold the CDRs of other operators, and the contracts of the token that the CDR does not name itself."""
    others = (key for key in other_keys(tables, claim) if tables.row("others", key).get("cpo_id") != claim.cpo_id)
    contracts = {row["contract_id"] for row in tables.rows("tokens", (claim.token_uid or "").upper())} - {
        claim.contract_id
    }
    return Discretion((*others, *contracts))


def _case(tables: PackTables, verdict: Row, discretion: Discretion) -> Case:
    key = verdict["cdr_key"]
    state = tables.states.get(key)
    if state is None:
        return Case(case_id=key, verdict=verdict["verdict"], status=None, is_live=False)
    return Case(
        case_id=key,
        verdict=verdict["verdict"],
        status=state.status,
        is_live=state.is_live,
        rule_ids=state.rule_ids,
        reason=discretion.text(state.reason),
        amount_at_stake=state.amount_at_stake,
        claimed=state.amounts.claimed,
        payable=state.amounts.payable,
        held=state.amounts.held,
        conceded=state.amounts.conceded,
        opened_at=state.opened_at,
        deadline_on=state.deadline_on,
        level=state.level,
        replaced_by=state.replaced_by,
    )


def _authorization(tables: PackTables, key: str) -> Authorization:
    match = tables.row("matches", key) or _UNMATCHED
    # The match comes last: its reason and id are about the pair.
    return facts_of(Authorization, tables.row("authorizations", match.get("authorization_id")), match)


def _session(tables: PackTables, key: str) -> Session:
    match = tables.row("matches", key) or _UNMATCHED
    return facts_of(Session, tables.row("sessions", match.get("session_key")), match)


def _recomputation(tables: PackTables, cdr: Row, verdict: Row) -> Recomputation:
    key = cdr["cdr_key"]
    rated = tables.row("rated", key) or _NOT_PRICED
    names = ("claimed_excl_vat", "recomputed_excl_vat", "difference_excl_vat")
    bounds = {f"price_{end}_excl_vat": rated.get(f"price_{end}_excl_vat") for end in ("low", "high")}
    return facts_of(
        Recomputation,
        {"policy": None} | dict(rated) | bounds,
        **{name: verdict[name] for name in names},
        sub_totals=tuple(_sub_total(part, cdr, rated) for part in _PARTS),
        rows=tuple(facts_of(PricedRow, row) for row in tables.rows("components", key)),
    )


def _sub_total(part: str, cdr: Row, rated: Row) -> SubTotal:
    claimed = {side: cdr[f"{part}_cost_{side}"] for side in ("excl_vat", "incl_vat")}
    recomputed = {side: rated.get(f"{part}_{side}") for side in ("excl_vat", "incl_vat")}
    return SubTotal(
        part=part,
        claimed_excl_vat=claimed["excl_vat"],
        claimed_incl_vat=claimed["incl_vat"],
        recomputed_excl_vat=recomputed["excl_vat"],
        recomputed_incl_vat=recomputed["incl_vat"],
        difference_excl_vat=_difference(claimed["excl_vat"], recomputed["excl_vat"]),
    )


def _difference(claimed: Decimal | None, recomputed: Decimal | None) -> Decimal | None:
    # Adding zero turns a negative zero, which would print as -0.00, into zero.
    return None if claimed is None or recomputed is None else _NONE + rounded(claimed - recomputed, BILLED_SCALE)


def _in_time(events: Sequence[CaseEvent]) -> list[CaseEvent]:
    return sorted(events, key=lambda event: (event.happened_at, event.event_index))


def _event(event: CaseEvent, discretion: Discretion) -> Event:
    is_ours_alone = event.is_by_person and event.kind in OURS_ALONE
    return Event(
        event_index=event.event_index,
        kind=event.kind,
        happened_at=event.happened_at,
        is_by_person=event.is_by_person,
        reason=None if is_ours_alone else discretion.text(event.reason),
        amount=event.amount,
        deadline_on=event.deadline_on,
        related_cdr_key=event.related_cdr_key,
    )


def _power(tables: PackTables, cdr: Row, claim: Claim) -> PowerProfile:
    periods = [facts_of(Period, row) for row in tables.rows("periods", claim.cdr_key)]
    parts = [cdr[name] for name in ("cpo_id", "location_id", "evse_uid", "connector_id")]
    connector = "*".join(parts).upper() if None not in parts else None
    return power_profile(claim, periods, tables.row("connectors", connector).get("max_power_kw"))


def packs_of(tables: PackTables, keys: Sequence[str]) -> Iterator[EvidencePack]:
    """Make the packs of some CDRs, in the order of their keys."""
    for key in sorted(keys):
        yield pack_of(tables, key)
