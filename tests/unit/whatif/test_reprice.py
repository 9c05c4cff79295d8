"""A past month under another plan or tariff: before, after and difference worked out by hand, and nothing stored."""

import csv
import hashlib
import io
import json
from decimal import Decimal

import polars as pl
import pytest
from rich.console import Console

from pipelines.commands import reprice
from pipelines.lib.errors import UserError
from pipelines.lib.what_if import (
    effects_by,
    not_compared,
    open_prices,
    read_tariff_file,
    reprice_by_plan,
    reprice_by_tariff,
)
from tests.unit.billing.billing_world import OCTOBER
from tests.unit.whatif.whatif_world import PUBLISHED, component, tariff, write_month

DEARER = tariff(
    "XX*CPO",
    "t1",
    [component("ENERGY", "0.35", vat=19), component("FLAT", "0.50", vat=19)],
    start_date_time="2027-01-01T00:00:00Z",
)


@pytest.fixture
def lake(tmp_path):
    return write_month(tmp_path / "lake")


@pytest.fixture
def file(tmp_path):
    def write(content):
        path = tmp_path / "tariff.json"
        path.write_text(content if isinstance(content, str) else json.dumps(content, default=str))
        return path

    return write


def rows(frame, *names):
    return frame.select(names).rows()


def amounts(*texts):
    return tuple(Decimal(text) for text in texts)


def test_under_a_gross_plan_gross_stays_gross_and_net_is_compared_net(lake):
    answer = reprice_by_plan(lake, OCTOBER, "plus")
    named = ("account_id", "price_side", "before_amount", "after_amount", "difference_amount")
    assert rows(effects_by(answer, "account_id"), *named) == [
        # 4.10 net against 4.50 / 1.19 = 3.78
        ("ALPEN", "excl. VAT", *amounts("4.10", "3.78", "-0.32")),
        # 10 kWh at 0.59 against 0.45, both with VAT
        ("ANNA", "incl. VAT", *amounts("5.90", "4.50", "-1.40")),
        # the tax is the customer's to pay: 4.50 / 1.00
        ("POLDER", "excl. VAT", *amounts("4.10", "4.50", "0.40")),
    ]


def test_line_nets_are_those_of_an_invoice_whatever_the_side(lake):
    total = effects_by(reprice_by_plan(lake, OCTOBER, "plus"))
    named = ("price_side", "sessions", "energy_kwh", "net_before_amount", "net_after_amount")
    assert rows(total, *named) == [
        ("excl. VAT", 2, *amounts("20", "8.20", "8.28")),
        ("incl. VAT", 1, *amounts("10", "4.96", "3.78")),  # 5.90 / 1.19 and 4.50 / 1.19
    ]


def test_under_a_net_plan_net_stays_precise_and_gross_is_compared_net(lake):
    sessions = reprice_by_plan(lake, OCTOBER, "fleet").sessions.filter(pl.col("not_compared").is_null())
    assert rows(sessions, "account_id", "price_side", "before_amount", "after_amount") == [
        ("ANNA", "excl. VAT", *amounts("4.96", "4.10")),
        ("ALPEN", "excl. VAT", *amounts("4.10", "4.10")),
        ("POLDER", "excl. VAT", *amounts("4.10", "4.10")),
    ]


def test_what_cannot_be_compared_is_counted_under_its_reason(lake):
    assert rows(not_compared(reprice_by_plan(lake, OCTOBER, "plus")), "reason", "sessions", "energy_kwh") == [
        ("it was charged in DKK, and plan plus is in EUR", 1, Decimal(10)),
        ("its charge is under review, so no amount was decided", 1, Decimal(10)),
        ("verdict hold, so nothing was charged", 1, Decimal(10)),
    ]


def test_a_session_that_the_plan_has_no_price_for_is_in_no_sum(lake):
    cdrs = lake.read("typed", "cdrs", OCTOBER)
    is_first = pl.col("cdr_key") == "XX*CPO*000001"
    dc = pl.when(is_first).then(pl.lit("DC")).otherwise("connector_power_type").alias("connector_power_type")
    lake.write("typed", "cdrs", cdrs.with_columns(dc), OCTOBER)
    answer = reprice_by_plan(lake, OCTOBER, "plus")
    assert "no price by plan plus: no tariff is known for the session" in not_compared(answer)["reason"]
    assert "ANNA" not in effects_by(answer, "account_id")["account_id"]


def test_monthly_fees_are_told_apart(lake):
    # ANNA and ALPEN 7.99 / 1.19 = 6.71 each, BRAM 7.99 / 1.21 = 6.60, POLDER reverse charge 7.99
    expected = "Monthly fees, net and on top: 3.90 EUR charged, 28.01 EUR under plan plus"
    assert reprice_by_plan(lake, OCTOBER, "plus").remarks[-1] == expected


def test_another_tariff_moves_cost_and_margin(lake, file):
    answer = reprice_by_tariff(lake, OCTOBER, read_tariff_file(file(DEARER), "2.2.1"))
    # accepted: all but 4; 10 kWh x 0.30 = 3.00 against 10 x 0.35 + 0.50 = 4.00
    named = ("cpo_id", "currency", "price_side", "sessions", "before_amount", "after_amount", "difference_amount")
    assert rows(effects_by(answer, "cpo_id"), *named) == [
        ("XX*CPO", "EUR", "excl. VAT", 5, *amounts("15", "20", "5")),
    ]
    # nets 4.96, 4.10 and 4.10; that of 5 is not decided, that of 6 is in kroner
    margins = ("margin_sessions", "margin_before_amount", "margin_after_amount")
    assert rows(effects_by(answer), *margins) == [(3, *amounts("4.16", "1.16"))]
    assert rows(not_compared(answer), "reason", "sessions") == [("verdict hold, so it is not a cost yet", 1)]
    assert answer.remarks[0] == "The file's own start and end are set aside: it is priced as if always in force."


def test_the_published_tariff_itself_changes_nothing(lake, file):
    answer = reprice_by_tariff(lake, OCTOBER, read_tariff_file(file(PUBLISHED), "2.2.1"))
    assert effects_by(answer)["difference_amount"].to_list() == [0]


def test_a_tariff_in_another_currency_prices_nothing(lake, file):
    answer = reprice_by_tariff(lake, OCTOBER, read_tariff_file(file(DEARER | {"currency": "DKK"}), "2.2.1"))
    assert ("no price by the file: a tariff has another currency than the session", 5) in rows(
        not_compared(answer), "reason", "sessions"
    )
    assert effects_by(answer).is_empty()


def test_nothing_is_written_into_the_lake(lake, file, tmp_path):
    def fingerprint():
        files = sorted(path for path in (tmp_path / "lake").rglob("*") if path.is_file())
        return [(path, hashlib.sha256(path.read_bytes()).hexdigest()) for path in files]

    before = fingerprint()
    reprice_by_plan(lake, OCTOBER, "plus")
    reprice_by_tariff(lake, OCTOBER, read_tariff_file(file(DEARER), "2.2.1"))
    assert fingerprint() == before


@pytest.mark.parametrize(
    ("content", "version", "complaint"),
    [
        ("[1", "2.2.1", "expected JSON"),
        ("[]", "2.2.1", "expected one OCPI 2.2.1 Tariff object, found list"),
        (DEARER | {"elements": []}, "2.2.1", "elements"),
        (DEARER, "3.0", "ocpi-version '3.0' is not known: it is one of 2.1.1, 2.2.1, 2.3.0"),
        (DEARER | {"id": "T9"}, "2.2.1", "tariff T9 of XX\\*CPO was never published: XX\\*CPO published T1"),
        (DEARER | {"party_id": "ABC"}, "2.2.1", "XX\\*ABC published none; those who did: XX\\*CPO"),
    ],
)
def test_a_file_that_cannot_replace_a_tariff_says_why(lake, file, content, version, complaint):
    with pytest.raises(UserError, match=complaint) as refused:
        reprice_by_tariff(lake, OCTOBER, read_tariff_file(file(content), version))
    assert "\n" not in str(refused.value)


def test_what_does_not_exist_is_answered_with_what_does(lake, tmp_path):
    with pytest.raises(UserError, match="plan 'gold' is not in the master data; plans that are: fleet, flex, plus"):
        reprice_by_plan(lake, OCTOBER, "gold")
    with pytest.raises(UserError, match=r"month 2026-09 has no billed/charges; months that have: 2026-10"):
        reprice_by_plan(lake, OCTOBER.previous, "plus")
    with pytest.raises(UserError, match=r"nowhere\.json cannot be read: No such file"):
        read_tariff_file(tmp_path / "nowhere.json", "2.2.1")


@pytest.fixture
def command(lake, tmp_path, monkeypatch):
    monkeypatch.setenv("ROAMLEDGER_HOME", str(tmp_path))

    def run(plan="plus", tariff=None, output=None):
        console = Console(file=io.StringIO(), width=120)
        assert reprice.run("2026-10", plan, tariff, "2.2.1", output, console) == 0
        return console.file.getvalue()

    return run


def test_the_command_shows_sums_totals_and_what_is_missing(command):
    shown = command()
    for part in (
        "every retail session of 2026-10 under plan plus",
        "ANNA Customer ANNA",
        "-1.40",
        "line nets as billed",
        "verdict hold, so nothing was charged",
        "Monthly fees",
        "nothing was stored",
    ):
        assert part in shown
    assert max(map(len, shown.splitlines())) <= 120


def test_the_command_shows_the_margin_of_a_tariff(command, file):
    shown = command(plan=None, tariff=file(DEARER))
    assert "margin" in shown
    assert "-3.00" in shown  # three sessions, one euro dearer each


def test_files_have_every_sum_and_session(command, tmp_path):
    command(output=tmp_path / "out.csv")
    with (tmp_path / "out.csv").open() as lines:
        sums = list(csv.DictReader(lines))
    assert [(row["effect_of"], row["name"]) for row in sums[:3]] == [
        ("customer", "ALPEN"),
        ("customer", "ANNA"),
        ("customer", "POLDER"),
    ]
    with (tmp_path / "out.sessions.csv").open() as lines:
        assert len(list(csv.DictReader(lines))) == 6
    command(output=tmp_path / "out.json")
    told = json.loads((tmp_path / "out.json").read_text())
    assert told["by_customer"][0]["before_amount"] == "4.100000000000"
    assert [row["cdr_key"] for row in told["sessions"]] == [f"XX*CPO*{number:06d}" for number in range(1, 7)]
    command(output=tmp_path / "out.parquet")
    assert pl.read_parquet(tmp_path / "out.sessions.parquet").height == 6


@pytest.mark.parametrize("output", ["out.xlsx", "nowhere/out.csv"])
def test_a_file_that_cannot_be_written_is_refused_first(command, tmp_path, output):
    with pytest.raises(UserError, match="output"):
        command(output=tmp_path / output)


def test_one_question_at_a_time(command, file):
    with pytest.raises(UserError, match="give one of --plan PLAN and --tariff FILE"):
        command(tariff=file(DEARER))
    with pytest.raises(UserError, match="give one of --plan PLAN and --tariff FILE"):
        command(plan=None)


def test_a_price_that_changes_inside_a_period_is_told_with_its_bounds(lake, file):
    soon_dearer = tariff(
        "XX*CPO",
        "T1",
        ([component("ENERGY", "0.30", 0, vat=19)], {"max_duration": 2700}),
        [component("ENERGY", "0.50", 0, vat=19)],
    )
    answer = reprice_by_tariff(lake, OCTOBER, read_tariff_file(file(soon_dearer), "2.2.1"))
    # each of five CDRs has one period of 90 minutes: 10 kWh at 0.30, at most all of it at 0.50
    bounds = ("before_amount", "after_amount", "after_low_amount", "after_high_amount", "open_sessions")
    assert rows(effects_by(answer), *bounds) == [(*amounts("15", "15", "15", "25"), 5)]
    (sentence,) = open_prices(answer)
    assert "the CDRs allow 15.00 to 25.00 EUR excl. VAT in total" in sentence
