"""What people decide: every line applied or refused for itself, and nothing half written."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from io import StringIO

import pytest
from rich.console import Console

from models.reconciliation.cases import DisputeEventKind
from models.schemas.registry import Layer
from pipelines.commands import dispute_decisions, disputes
from pipelines.lib.disputes.decision_files import BadLine, read_decisions
from pipelines.lib.disputes.decisions import Decision, rule_on
from pipelines.lib.disputes.recording import Moment
from pipelines.lib.disputes.selection import selection
from pipelines.lib.disputes.terms import Terms
from pipelines.lib.errors import UserError
from pipelines.lib.lake import Lake
from pipelines.lib.register import Register
from pipelines.lib.register.disputes import append_events, case_events, case_states
from pipelines.lib.settings import load_settings
from tests.unit.disputes.histories import CASE, OPENED, credit, event, history
from tests.unit.reconciliation.roaming_world import COMPANY, World, rows_of

NOW = datetime(2026, 11, 20, 23, 30, tzinfo=UTC)
MOMENT = Moment(NOW, date(2026, 11, 21))
TERMS = Terms({"DE*LDW": 14}, {})


def rule(*decisions, kinds=("opened",)):
    return rule_on(decisions, {CASE: history(*kinds)}, TERMS, MOMENT)


def say(kind, **facts):
    return Decision(CASE, DisputeEventKind(kind), "ada", **facts)


def test_a_decision_carries_who_when_why_and_starts_the_deadline():
    (sent,) = rule(say("sent", reason="mail of today")).events
    assert (sent.actor, sent.happened_at, sent.recorded_at, sent.reason) == ("ada", NOW, NOW, "mail of today")
    assert sent.deadline_on == date(2026, 12, 5)  # 14 days from the company's day, which is the 21st already
    assert (sent.rule_ids, sent.currency, sent.cpo_id, sent.event_index) == (("R21",), "EUR", "DE*LDW", 1)


def test_a_day_without_a_time_is_not_the_night_before_the_case_was_opened():
    day = OPENED.replace(hour=0)
    (sent,) = rule(say("sent", happened_at=day)).events
    assert sent.happened_at == OPENED
    (ruling,) = rule(say("sent", happened_at=day.replace(minute=1))).lines
    assert "is before the case was opened" in ruling.refusal


def test_a_later_line_meets_the_state_that_an_earlier_one_left():
    rulings = rule(say("sent"), say("refused"), say("sent"), say("escalated"))
    assert [each.is_applied for each in rulings.lines] == [True, True, False, True]
    assert "sent cannot follow refused" in rulings.lines[2].refusal
    assert [str(each.kind) for each in rulings.events] == ["sent", "refused", "escalated"]
    assert [each.event_index for each in rulings.events] == [1, 2, 3]


@pytest.mark.parametrize(
    ("decision", "kinds", "words"),
    [
        (Decision("DE*LDW*NONE", DisputeEventKind.SENT, "ada"), ("opened",), "there is no case 'DE\\*LDW\\*NONE'"),
        (say("sent"), ("opened", credit("8.00")), "the case is closed"),
        (say("written_off"), ("opened",), "needs a reason"),
        (say("sent", amount=Decimal(1)), ("opened",), "sent has no amount"),
        (say("accepted", amount=Decimal("0.001")), ("opened", "sent"), "EUR has 2 decimals"),
        (say("accepted", amount=Decimal("8.01")), ("opened", "sent"), "8.00 EUR are in dispute"),
        (say("sent", happened_at=NOW + timedelta(seconds=1)), ("opened",), "has not come yet"),
        (say("sent", happened_at=OPENED - timedelta(days=1)), ("opened",), "is before the case was opened"),
        (say("credited"), ("opened",), "is told by rules and CDRs"),
    ],
)
def test_what_cannot_be_is_refused_with_its_reason(decision, kinds, words):
    rulings = rule(decision, kinds=kinds)
    (line,) = rulings.lines
    assert rulings.events == ()
    with pytest.raises(AssertionError, match=words):
        raise AssertionError(line.refusal)


def test_a_part_that_we_no_longer_dispute_becomes_payable_and_the_rest_stays_held():
    rulings = rule(say("withdrawn", amount=Decimal("3.00"), reason="they proved it"))
    after = rulings.lines[0].after
    assert (after.amounts.payable, after.amounts.held, after.is_live) == (Decimal("15.00"), Decimal("5.00"), True)
    assert rulings.reopened_months() == []


def test_a_withdrawal_says_which_months_have_to_be_judged_again():
    assert rule(say("withdrawn", reason="x")).reopened_months() == [date(2026, 10, 1)]
    assert rule(say("sent")).reopened_months() == []


CSV = """\
case_id,decision,amount,reason,at
de*ldw*c1,sent,,"mailed, and called",2026-11-06
DE*LDW*C1,Paid under protest,,contract,2026-11-07T10:00:00+01:00
DE*LDW*C1,burnt,,,
DE*LDW*C1,accepted,12 EUR,,
DE*LDW*C1,accepted,NaN,,
DE*LDW*C1,accepted,-1,,
DE*LDW*C1,sent,,,yesterday
DE*LDW*C1,sent,,,0001-01-01T00:00:00+01:00
DE*LDW*C1,sent,,a,b,c
"""


def test_a_file_is_read_line_by_line(tmp_path):
    file = tmp_path / "d.csv"
    file.write_bytes(b"\xef\xbb\xbf" + CSV.encode())
    decisions, bad = read_decisions(file, "ada")
    assert decisions == [
        Decision(CASE, DisputeEventKind.SENT, "ada", "mailed, and called", None, datetime(2026, 11, 6, tzinfo=UTC), 2),
        Decision(
            *(CASE, DisputeEventKind.PAID_UNDER_PROTEST, "ada", "contract", None),
            datetime(2026, 11, 7, 9, tzinfo=UTC),
            3,
        ),
    ]
    assert [each.line for each in bad] == [4, 5, 6, 7, 8, 9, 10]
    assert "decision 'burnt' is none of sent, acknowledged" in bad[0].problem
    assert bad[1] == BadLine(5, CASE, "amount '12 EUR' is no number above zero such as 12.50")
    assert "more cells than columns" in bad[6].problem


def test_spaces_around_the_names_of_columns_lose_no_amount(tmp_path):
    file = tmp_path / "d.csv"
    file.write_text(f"case_id, decision , amount\n{CASE}, accepted, 10.00\n")
    decisions, bad = read_decisions(file, "ada")
    assert ([each.amount for each in decisions], bad) == ([Decimal("10.00")], [])


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"case_id,amount\n", "lacks decision"),
        (b"case_id;decision\n", "lacks case_id, decision"),
        (b"case_id,decision,colour\n", "unknown columns colour"),
        (b"case_id,decision,amount, amount\n", "more than one column amount"),
        (b"case_id,decision\rX,sent\r", "nothing was applied"),
        (b"", "lacks case_id"),
        (b"case_id,decision\n\xff,sent\n", "is not UTF-8"),
        (b'case_id,decision\n"DE,sent\n', "nothing was applied"),
    ],
)
def test_a_file_that_is_no_table_of_decisions_is_refused_whole(tmp_path, content, words):
    file = tmp_path / "d.csv"
    file.write_bytes(content)
    with pytest.raises(UserError, match=words):
        read_decisions(file, "ada")


@pytest.fixture
def home(tmp_path, monkeypatch):
    """Give a home with two cases, of which C2 was credited."""
    monkeypatch.setenv("ROAMLEDGER_HOME", str(tmp_path))
    monkeypatch.setenv("ROAMLEDGER_NOW", NOW.isoformat())
    settings = load_settings()
    lake = Lake(settings.lake)
    lake.write(Layer.MASTER, "legal_entities", rows_of(Layer.MASTER, "legal_entities", [COMPANY]))
    lake.write(Layer.MASTER, "agreements", rows_of(Layer.MASTER, "agreements", World().agreements))
    register = Register(settings.register)
    credited = [event(0, "opened", case_id="DE*LDW*C2"), event(1, "credited", **credit("8.00")[1], case_id="DE*LDW*C2")]
    with register.transaction() as tx:
        append_events(tx, [*history("opened"), *credited])
    return register, lake


def run(console, file=None, *cells, dry_run=False):
    one = dispute_decisions.OneDecision(*(cells or [""] * 5))
    return dispute_decisions.decide(one, file, "ada", console, dry_run=dry_run)


def kinds_of(register, case=CASE):
    with register.transaction() as tx:
        return [str(each.kind) for each in case_events(tx, case)]


def test_bulk_decisions_apply_what_stands_and_refuse_the_rest(home, tmp_path):
    register, lake = home
    file = tmp_path / "d.csv"
    file.write_text(f"case_id,decision,reason\n{CASE},sent,\nDE*LDW*C2,sent,\nDE*X,sent,\n{CASE},expired,\n")
    console = Console(width=220, record=True, file=StringIO())
    assert run(console, file, dry_run=True) == 1
    assert kinds_of(register) == ["opened"]
    assert "1 would be applied, 3 refused" in console.export_text()
    assert run(console, file) == 1
    told = console.export_text()
    assert "open → sent" in told
    assert "sent cannot follow credited: the case is closed" in told
    assert "there is no case 'DE*X'" in told
    assert "decision 'expired' is none of" in told
    assert "1 applied, 3 refused" in told
    assert kinds_of(register) == ["opened", "sent"]
    assert lake.read(Layer.LEDGER, "disputes").select("case_id", "state").rows() == [
        (CASE, "sent"),
        ("DE*LDW*C2", "credited"),
    ]
    assert run(console, file) == 1  # the same file again changes nothing
    assert kinds_of(register) == ["opened", "sent"]


def test_one_decision_is_typed(home):
    register, _ = home
    console = Console(width=200, record=True, file=StringIO())
    assert run(console, None, CASE.lower(), "sent", "", "", "2026-11-19") == 0
    with register.transaction() as tx:
        assert case_states(tx)[CASE].sent_at == datetime(2026, 11, 19, tzinfo=UTC)
    assert run(console, None, CASE, "accepted", "many", "", "") == 1
    assert "amount 'many' is no number" in console.export_text()
    with pytest.raises(UserError, match="say either a case and a decision"):
        run(console, None)


def test_lists_and_exports_are_filtered(home, tmp_path):
    console = Console(width=200, record=True, file=StringIO())
    live = selection([], "de-ldw", "r21", "2026-10", is_live=True, is_overdue=False)
    assert disputes.show_all(console, live) == 0
    told = console.export_text()
    assert CASE in told
    assert "DE*LDW*C2" not in told
    assert disputes.export(tmp_path / "cases.csv", console, live) == 0
    assert (tmp_path / "cases.csv").read_text().count("\n") == 2
    assert (tmp_path / "cases.events.csv").read_text().count("opened") >= 1
    assert disputes.show_all(console, selection([], "", "", "", is_live=False, is_overdue=True)) == 0
    assert "No case is like that." in console.export_text()
    with pytest.raises(UserError, match="--state burnt is none of open, sent"):
        selection(["burnt"], "", "", "", is_live=False, is_overdue=False)
    with pytest.raises(UserError, match="month 'x' is not of the form"):
        selection([], "", "", "x", is_live=False, is_overdue=False)
