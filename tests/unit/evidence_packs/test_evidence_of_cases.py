"""Every disputed CDR has its evidence, and its numbers are those of the tables and of the register."""

import hashlib
import json
import shutil
from dataclasses import replace
from decimal import Decimal

import polars as pl
import pytest

from models.reconciliation.cases import case_state
from models.reconciliation.packs.canonical import pack_json, read_pack
from models.schemas.registry import Layer
from models.types.money import rounded
from models.types.time import BillingMonth
from models.types.vocabularies import DisputeEventKind, Severity
from pipelines.lib.evidence_packs.reading import Cases, MonthOfPacks
from pipelines.lib.evidence_packs.records import received_of
from pipelines.lib.lake import Lake
from pipelines.lib.raw_store import RawStore
from pipelines.lib.register.disputes import export_disputes


def test_every_held_or_rejected_cdr_has_a_pack_and_no_other(disputed, packs):
    verdicts = disputed.table("verdicts").filter(pl.col("verdict") != "accept")
    assert sorted(packs) == sorted(verdicts["cdr_key"])
    assert {rule for pack in packs.values() for rule in pack.case.rule_ids} >= {
        "R02",
        "R07",
        "R10",
        "R15",
        "R16",
        "R21",
    }


def test_its_amounts_are_those_of_the_verdict(disputed, packs):
    names = ("verdict", "claimed_excl_vat", "recomputed_excl_vat", "difference_excl_vat")
    judged = {row["cdr_key"]: tuple(row[name] for name in names) for row in disputed.table("verdicts").to_dicts()}
    for key, pack in packs.items():
        price = pack.recomputation
        told = (pack.case.verdict, price.claimed_excl_vat, price.recomputed_excl_vat, price.difference_excl_vat)
        assert told == judged[key]


def test_its_amounts_are_those_of_the_register(disputed, packs):
    with disputed.register.transaction() as tx:
        cases = {row["case_id"]: row for row in export_disputes(tx).to_dicts()}
    for key, pack in packs.items():
        case, row = pack.case, cases[key]
        assert (case.claimed, case.payable, case.held, case.conceded) == tuple(
            row[f"{name}_excl_vat"] for name in ("claimed", "payable", "held", "conceded")
        )
        assert (case.amount_at_stake, case.status, case.deadline_on) == (
            row["amount_at_stake"],
            row["state"],
            row["deadline_on"],
        )
        assert [event.kind for event in pack.events] == ["opened"]


def test_its_findings_are_those_of_the_rules_the_gravest_first(disputed, packs):
    rows = disputed.table("findings").select("cdr_key", "rule_id", "severity", "amount_at_stake", "measured").rows()
    found = {
        (key, finding.rule_id, str(finding.severity), finding.amount_at_stake, finding.measured)
        for key, pack in packs.items()
        for finding in pack.findings
    }
    assert found == {row for row in rows if row[0] in packs}
    order = list(Severity)
    for pack in packs.values():
        places = [order.index(finding.severity) for finding in pack.findings]
        assert places == sorted(places)
        assert pack.findings[0].is_decisive
        stakes = [
            each.amount_at_stake for each in pack.findings if each.is_decisive and each.amount_at_stake is not None
        ]
        assert pack.case.amount_at_stake == max(stakes, default=None)


def test_the_rows_of_the_recomputation_sum_to_its_price(packs):
    priced = [pack.recomputation for pack in packs.values() if pack.recomputation.rows]
    assert len(priced) > 20
    for price in priced:
        amounts = [row.amount_excl_vat for row in price.rows]
        (total,) = (part.recomputed_excl_vat for part in price.sub_totals if part.part == "total")
        assert sum(amounts, Decimal(0)) == total
        assert rounded(total, 2) == price.recomputed_excl_vat


def test_sub_totals_stand_beside_each_other(disputed, packs):
    cdrs = {row["cdr_key"]: row for row in disputed.table("cdrs", Layer.TYPED).to_dicts()}
    for key, pack in packs.items():
        for part in pack.recomputation.sub_totals:
            assert part.claimed_excl_vat == cdrs[key][f"{part.part}_cost_excl_vat"]
            if None not in (part.claimed_excl_vat, part.recomputed_excl_vat):
                assert part.difference_excl_vat == rounded(part.claimed_excl_vat - part.recomputed_excl_vat, 2)
    differing = [pack for pack in packs.values() if "R21" in pack.case.rule_ids and pack.recomputation.rows]
    assert all(pack.recomputation.sub_totals[-1].difference_excl_vat for pack in differing)
    assert differing


def test_the_record_is_byte_for_byte_the_one_of_the_raw_store(disputed, packs):
    store = RawStore(disputed.lake)
    for key, pack in packs.items():
        place = pack.received
        content = store.record(place.connection_id, "cdrs", place.page_sha256, place.page_position)
        assert place.record.encode() == content
        assert place.record_sha256 == hashlib.sha256(content).hexdigest()
        assert place.record_bytes == len(content)
        assert json.loads(place.record)["id"] == pack.claim.cdr_id
        assert place.problem is None, key


def test_the_tariff_is_the_one_that_was_published_at_the_start(held_for):
    pack = held_for("R10")
    (tariff,) = pack.tariffs
    assert (tariff.source, tariff.is_published_at_start, tariff.prices_session) == ("published", True, True)
    assert tariff.last_updated_at <= pack.claim.started_at
    assert {row.tariff_version_id for row in pack.recomputation.rows} == {tariff.tariff_version_id}
    assert {row.unit_price for row in pack.recomputation.rows} <= {price.unit_price for price in tariff.prices}


def test_a_rule_tells_its_thresholds_and_whether_they_were_agreed(held_for):
    (finding,) = held_for("R16").findings
    assert {(each.name, each.value, each.is_agreed) for each in finding.thresholds} == {
        ("travel_km", Decimal(20), False),
        ("travel_kmh", Decimal(130), False),
        ("flight_kmh", Decimal(900), False),
    }
    assert (finding.permitted, finding.unit) == (Decimal(130), "km/h")
    assert "sooner than anyone travels" in finding.rule
    tolerances = held_for("R21").findings[0].thresholds
    assert {each.name for each in tolerances} == {"tolerance_amount", "tolerance_pct"}


def test_a_session_of_the_same_operator_is_told_in_full(disputed, held_for):
    other = held_for("R16").findings[0].other
    row = disputed.table("cdrs", Layer.TYPED).row(by_predicate=pl.col("cdr_key") == other.cdr_key, named=True)
    assert other.is_at_recipient
    assert (other.started_at, other.ended_at, other.location_name) == tuple(
        row[name] for name in ("started_at", "ended_at", "location_name")
    )


def test_why_there_is_no_authorization_is_said(held_for):
    found = held_for("R18").authorization
    assert (found.match_kind, found.authorization_id) == ("none", None)
    assert "no granted authorization" in found.reason


def test_a_session_at_another_operator_is_told_by_its_times_alone(disputed, packs):
    rows = {(row["cdr_key"], row["rule_id"]): row for row in disputed.table("findings").to_dicts()}
    told = [
        (pack, finding, rows[key, finding.rule_id])
        for key, pack in packs.items()
        for finding in pack.findings
        if finding.other is not None and not finding.other.is_at_recipient
    ]
    assert told
    for pack, finding, row in told:
        assert (finding.other.cdr_key, finding.other.location_name, finding.other.evse_id) == (None, None, None)
        assert finding.distance_km == row["distance_km"]
        assert not row["other_cdr_key"].startswith(pack.claim.cpo_id)
        assert row["other_cdr_key"] in row["message"]
        assert row["other_cdr_key"].encode() not in pack_json(pack)


def test_no_customer_and_no_contract_but_that_of_the_cdr_is_in_any_pack(disputed, packs):
    accounts, drivers, contracts = (
        disputed.lake.read(Layer.MASTER, name) for name in ("accounts", "drivers", "contracts")
    )
    names = {*accounts["name"], *drivers["name"], *accounts["email"].drop_nulls()}
    assert len(names) > 20
    known = {*contracts["contract_id"], *disputed.lake.read(Layer.TYPED, "tokens")["contract_id"]}
    messages = disputed.table("findings").filter(rule_id="R20")["message"].to_list()
    assert [contract for contract in known for message in messages if message.endswith(contract)]
    for pack in packs.values():
        text = pack_json(pack).decode()
        assert not [name for name in names if name in text]
        foreign = known - {pack.claim.contract_id}
        assert not [contract for contract in foreign if contract in text], pack.case.case_id


def test_the_same_home_gives_the_same_bytes_and_they_read_back(disputed, packs):
    again = disputed.packs()
    assert {key: pack_json(pack) for key, pack in again.items()} == {
        key: pack_json(pack) for key, pack in packs.items()
    }
    assert all(read_pack(pack_json(pack)) == pack for pack in packs.values())


def test_power_is_held_against_the_connector(held_for):
    pack = held_for("R10")
    (step,) = pack.power.steps
    assert step.average_kw == pack.power.average_kw > pack.power.limit_kw
    assert pack.findings[0].measured == pack.claim.total_energy_kwh == step.energy_kwh


def told(disputed, key, kind, actor, reason):
    """Give the pack of a case after one more event."""
    cases = disputed.cases
    first = cases.events[key][0]
    more = replace(first, event_index=1, kind=kind, actor=actor, reason=reason, amount=None)
    events = {**cases.events, key: [first, more]}
    states = {**cases.states, key: case_state(events[key])}
    month = BillingMonth(first.billing_month.year, first.billing_month.month)
    (pack,) = MonthOfPacks(disputed.lake, month, Cases(events, states)).packs([key])
    return pack


@pytest.mark.parametrize(
    ("kind", "actor", "expected"),
    [
        (DisputeEventKind.SENT, "anna", "why"),
        (DisputeEventKind.WITHDRAWN, "roamledger", "why"),
        (DisputeEventKind.WITHDRAWN, "anna", None),
        (DisputeEventKind.WRITTEN_OFF, "anna", None),
    ],
)
def test_reasons_that_are_ours_alone_and_names_of_people_stay_with_us(disputed, held_for, kind, actor, expected):
    pack = told(disputed, held_for("R16").case.case_id, kind, actor, "why")
    assert pack.events[1].reason == expected
    assert (pack.case.status, pack.events[1].is_by_person) == (str(kind), actor == "anna")
    assert "anna" not in pack_json(pack).decode()


def test_a_case_that_ended_keeps_its_pack_though_its_cdr_is_accepted(disputed, held_for):
    accepted = disputed.table("verdicts").filter(verdict="accept").row(0, named=True)
    key, like = accepted["cdr_key"], disputed.cases.events[held_for("R16").case.case_id][0]
    events = [replace(like, case_id=key, cpo_id=accepted["cpo_id"])]
    events.append(replace(events[0], event_index=1, kind=DisputeEventKind.WITHDRAWN, actor="anna", amount=None))
    first_day = accepted["billing_month"]
    month = MonthOfPacks(
        disputed.lake,
        BillingMonth(first_day.year, first_day.month),
        Cases({key: events}, {key: case_state(events)}),
    )
    assert month.owners[key] == accepted["cpo_id"]
    pack = next(pack for pack in month.packs() if pack.case.case_id == key)
    assert (pack.case.verdict, pack.case.status, pack.case.is_live) == ("accept", "withdrawn", False)


def test_before_any_case_is_opened_held_cdrs_have_their_packs(disputed):
    months = [MonthOfPacks(disputed.lake, month, Cases({}, {})) for month in disputed.months]
    packs = [pack for month in months for pack in month.packs()]
    assert len(packs) == disputed.table("verdicts").filter(pl.col("verdict") != "accept").height
    assert {(pack.case.status, pack.case.held, pack.events) for pack in packs} == {(None, None, ())}


def test_a_record_that_was_lost_or_changed_is_said_and_the_others_are_shown(disputed, held_for, tmp_path):
    shutil.copytree(disputed.home / "lake" / "raw", tmp_path / "raw")
    pack = held_for("R16")
    for page in (tmp_path / "raw" / pack.received.connection_id / "cdrs").rglob("*.zst"):
        page.write_bytes(b"(\xb5/\xfd" + page.read_bytes()[4:-1])
    (other,) = {"ldw", "vlt"} - {pack.received.connection_id}
    rows = disputed.table("cdrs", Layer.TYPED)
    wanted = [rows.filter(connection_id=name).row(0, named=True) for name in (pack.received.connection_id, other)]
    broken, whole = received_of(RawStore(Lake(str(tmp_path))), wanted).values()
    assert broken.record is None
    assert broken.problem
    assert json.loads(whole.record)["id"] == wanted[1]["cdr_id"]


def test_a_threshold_that_the_agreement_names_is_agreed_even_with_the_value_of_the_default(packs):
    found = [finding for pack in packs.values() for finding in pack.findings if finding.rule_id in {"R21", "R16"}]
    told = {threshold.name: threshold.is_agreed for finding in found for threshold in finding.thresholds}
    assert (told["tolerance_amount"], told["tolerance_pct"]) == (True, True)
    assert not told["travel_kmh"]
