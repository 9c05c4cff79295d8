"""Letters of a period: figures of the register, bytes that repeat, and hostile ids that break neither file."""

import csv
import io
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from rich.console import Console

from models.reconciliation.cases import CaseEvent
from models.reconciliation.letters import LANGUAGES
from models.schemas.registry import Layer
from models.types.time import BillingMonth
from models.types.vocabularies import DisputeEventKind
from pipelines.commands import dispute_letters as command
from pipelines.lib.dispute_letters import Period, letters, write_letter
from pipelines.lib.errors import UserError
from pipelines.lib.lake import Lake
from pipelines.lib.register import Register
from pipelines.lib.register.disputes import append_events, case_states
from pipelines.lib.settings import Settings
from tests.unit.reconciliation.roaming_world import rows_of

OCTOBER = BillingMonth(2026, 10)
OPENED = datetime(2026, 11, 5, 4, tzinfo=UTC)
HOSTILE = '=HYPERLINK("http://x")\r\n2. CDR: FORGED,\u202e\x1b[31m'


class Home:
    """Cases in a register, and what the lake knows about their CDRs."""

    def __init__(self, folder):
        (folder / "register").mkdir()
        self.settings = Settings(home=folder, now=OPENED)
        self.register = Register(f"sqlite:///{folder}/register/register.sqlite")
        self.lake = Lake(self.settings.lake)
        self.events, self.cdrs, self.verdicts, self.findings, self.agreements = [], [], [], [], []

    def case(self, name, cpo="DE*LDW", claimed="1234.50", currency="EUR", rules=("R21",), opened=OPENED, **facts):
        key, month = f"{cpo}*{name}".upper(), OCTOBER.first_day
        amount = None if claimed is None else Decimal(claimed)
        disputed = None if amount is None else Decimal("1.25")
        self.events.append(
            CaseEvent(
                case_id=key, event_index=0, kind=DisputeEventKind.OPENED, rule_ids=rules, currency=currency,
                reason="token SECRET-TOKEN of contract SECRET-CONTRACT", amount_at_stake=disputed, amount=disputed,
                claimed=amount, deadline_on=date(2027, 1, 4), actor="roamledger", happened_at=opened, cpo_id=cpo,
                billing_month=month,
            )
        )  # fmt: skip
        common = {"cdr_key": key, "cpo_id": cpo, "currency": currency, "billing_month": month}
        cdr = {"cdr_id": name, "session_id": f"S-{name}", "evse_id": f"{cpo}*E1", "token_uid": "SECRET-TOKEN"}
        cdr |= {"contract_id": "SECRET-CONTRACT", "started_at": datetime(2026, 10, 3, 7, 5, tzinfo=UTC)}
        cdr |= {"ended_at": OPENED, "last_updated_at": OPENED, "received_at": OPENED, "total_energy_kwh": 1}
        cdr |= {"total_hours": 1, "connection_id": "ldw", "ocpi_version": "2.2.1", "page_sha256": "0"}
        self.cdrs.append(common | cdr | {"page_position": 0, "content_sha256": "0"} | facts)
        recomputed = None if amount is None else amount - Decimal("1.25")
        self.verdicts.append(
            common | {"verdict": "hold", "claimed_excl_vat": amount, "recomputed_excl_vat": recomputed}
        )
        return key

    def finding(self, key, rule="R21", **facts):
        common = {"cdr_key": key, "rule_id": rule, "rule_name": "x", "severity": "block", "currency": "EUR"}
        common |= {"message": "token SECRET-TOKEN", "expected": "SECRET-CONTRACT", "found": "SECRET-TOKEN"}
        self.findings.append(common | {"billing_month": OCTOBER.first_day} | facts)

    def agreement(self, cpo="DE*LDW", language="de", name="Ladewerk Nord GmbH"):
        row = {"cpo_id": cpo, "name": name, "country": cpo[:2], "currency": "EUR", "language": language}
        row |= {"tolerance_amount": Decimal("0.01"), "tolerance_pct": Decimal("0.5"), "dispute_deadline_days": 60}
        self.agreements.append(row | {"valid_from": date(2026, 1, 1)})

    def save(self):
        months = {"cdrs": (Layer.TYPED, self.cdrs), "verdicts": (Layer.MATCHED, self.verdicts)}
        for name, (layer, rows) in (months | {"findings": (Layer.MATCHED, self.findings)}).items():
            self.lake.write(layer, name, rows_of(layer, name, rows), OCTOBER)
        self.lake.write(Layer.MASTER, "agreements", rows_of(Layer.MASTER, "agreements", self.agreements))
        with self.register.transaction() as tx:
            append_events(tx, self.events)

    def states(self):
        with self.register.transaction() as tx:
            return case_states(tx)

    def written(self, period=None, cpo=""):
        made = letters(self.lake, self.states().values(), period or Period.of_month(OCTOBER), cpo)
        return [write_letter(self.settings.home / "out", letter) for letter in made]


@pytest.fixture
def home(tmp_path):
    return Home(tmp_path)


def rows(files):
    return list(csv.DictReader(io.StringIO(files.attachment.read_text(encoding="utf-8"))))


def test_a_letter_tells_the_registers_figures_in_the_cpos_language(home):
    home.agreement()
    key = home.case("C1")
    home.finding(key, measured=Decimal("1234.5"), permitted=Decimal("1233.25"), unit="EUR",
                 energy_difference=Decimal("1.25"))  # fmt: skip
    home.save()
    (files,) = home.written()
    message = files.message.read_text(encoding="utf-8")
    assert message.startswith("Beanstandete CDRs, Oktober 2026: DE*LDW\n\nSehr geehrte Damen und Herren,\n")
    for line in (
        "- EUR: gefordert 1.234,50 €, strittig 1,25 €, vorerst einbehalten 1,25 €",
        "1. CDR: C1",
        "   Ladevorgang: S-C1",
        "   Beginn: 03.10.2026 07:05 UTC",
        "   EVSE: DE*LDW*E1",
        "   Gefordert: 1.234,50 €",
        "   Nachgerechnet: 1.233,25 €",
        "   Strittig: 1,25 €",
        "   Einbehalten: 1,25 €",
        "   Bitte antworten Sie bis: 60 Tage nach dieser Nachricht",
        "     festgestellt: 1.234,5 EUR",
        "     Energie, Differenz: 1,25 €",
    ):
        assert line in message.splitlines()
    assert "OCPI 2.2.1, Abschnitt 10.2" in message.replace("\n", " ")
    (row,) = rows(files)
    told = [row[name] for name in ("case_id", "rule_id", "answer_by", "held_excl_vat", "recomputed_excl_vat")]
    assert told == ["DE*LDW*C1", "R21", "", "1.25", "1233.25"]
    state = home.states()[key]
    amounts = (Decimal(row[f"{name}_excl_vat"]) for name in ("claimed", "held", "at_stake"))
    assert tuple(amounts) == (state.amounts.claimed, state.amounts.held, state.amount_at_stake)


def test_nothing_of_customers_and_of_other_operators_is_told(home):
    home.agreement()
    key = home.case("C1", rules=("R03", "R16"))
    home.finding(key, "R16", other_cdr_key="NL*VLT*ELSEWHERE", distance_km=Decimal(400), seconds_between=3600)
    home.finding(key, "R03", other_cdr_key="DE*LDW*C9")
    home.finding(key, "R19")
    home.save()
    (files,) = home.written()
    told = files.message.read_text(encoding="utf-8") + files.attachment.read_text(encoding="utf-8")
    assert "SECRET" not in told
    assert "ELSEWHERE" not in told
    assert "R19" not in told, "the case does not stand on it"
    assert "     anderes CDR: DE*LDW*C9\n" in told
    assert "     Entfernung: 400 km\n     Zeit dazwischen: 3.600 s\n" in told


def test_sums_stand_per_currency_and_unknown_is_not_zero(home):
    home.agreement(language="en")
    home.case("C1", claimed="10.00")
    home.case("C2", claimed="20.00", currency="SEK")
    home.case("C3", claimed="30.00")
    home.case("C4", claimed=None)
    home.save()
    (files,) = home.written()
    message = files.message.read_text(encoding="utf-8")
    assert "- EUR: claimed €40.00, at stake €2.50, withheld for now €2.50\n" in message
    assert "  amounts not known and not in these sums: 3\n- SEK: claimed SEK20.00" in message
    assert "   Claimed: not known\n   Recomputed: not known\n" in message
    assert rows(files)[3]["claimed_excl_vat"] == ""


def test_hostile_ids_break_neither_the_message_nor_the_attachment(home):
    home.agreement(language="en", name=f"ACME\n{HOSTILE}")
    home.case("C1", session_id=HOSTILE, cdr_id=HOSTILE, evse_id="@SUM(A1)")
    home.save()
    (files,) = home.written()
    message = files.message.read_text(encoding="utf-8")
    assert "\n2. CDR: FORGED" not in message
    assert not {sign for sign in message if not sign.isprintable() and sign != "\n"}
    (row,) = rows(files)
    escaped = '\'=HYPERLINK("http://x")\\u000d\\u000a2. CDR: FORGED,\\u202e\\u001b[31m'
    assert (row["cdr_id"], row["session_id"], row["evse_id"]) == (escaped, escaped, "'@SUM(A1)")
    assert files.attachment.read_text(encoding="utf-8").count("\n") == 2


def test_files_repeat_to_the_byte(home):
    home.agreement()
    home.case("C1")
    home.case("C2", cpo="SE*ELV")
    home.save()
    first = [(each.message.read_bytes(), each.attachment.read_bytes()) for each in home.written()]
    assert [(each.message.read_bytes(), each.attachment.read_bytes()) for each in home.written()] == first
    assert [message.decode().split(",")[0] for message, _ in first] == ["Beanstandete CDRs", "Bestridda CDR:er"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_renders_every_rule(home, language):
    home.agreement(language=language)
    numbers = tuple(f"R{number:02d}" for number in range(1, 39))
    key = home.case("C1", rules=numbers)
    for rule in numbers:
        home.finding(key, rule, measured=Decimal(3), permitted=Decimal(2), unit="days")
    home.save()
    (files,) = home.written()
    message = files.message.read_text(encoding="utf-8")
    assert [line[5:8] for line in message.splitlines() if line.startswith("   - R")] == list(numbers)
    assert not {"{", "}"} & set(message)
    assert ("3 days" in message) == (language == "en")
    assert len(rows(files)) == 38


def test_closed_cases_and_those_of_other_periods_and_cpos_are_left_out(home):
    home.case("C1", opened=datetime(2026, 11, 1, 0, tzinfo=UTC))
    home.case("C2", cpo="SE*ELV")
    home.save()
    day = Period(date(2026, 11, 2), date(2026, 11, 5))
    assert [each.letter.cpo_id for each in home.written(day)] == ["SE*ELV"]
    assert [each.letter.cpo_id for each in home.written(cpo="DE*LDW")] == ["DE*LDW"]
    assert home.written(Period.of_month(OCTOBER.next)) == []
    with home.register.transaction() as tx:
        opening = home.events[0]
        facts = {"event_index": 1, "kind": DisputeEventKind.WITHDRAWN, "actor": "ada", "amount": None}
        append_events(tx, [CaseEvent(**{name: getattr(opening, name) for name in CaseEvent.__slots__} | facts)])
    assert [each.letter.cpo_id for each in home.written()] == ["SE*ELV"]


def run(home, monkeypatch, *options):
    monkeypatch.setattr(command, "load_settings", lambda: home.settings)
    console = Console(width=300, file=io.StringIO(), record=True)
    assert command.write(*options, None, console) == 0
    return console.export_text()


def test_the_command_writes_to_the_months_folder_and_leaves_the_register_alone(home, monkeypatch):
    home.agreement()
    home.case("C1")
    home.save()
    before = home.states()
    told = run(home, monkeypatch, "2026-10", "", "", "de-ldw")
    folder = home.settings.documents / "2026-10" / "letters"
    assert "DE*LDW (de, 1 cases)" in told
    assert sorted(each.suffix for each in folder.iterdir()) == [".csv", ".txt"]
    assert home.states() == before
    assert "No live case" in run(home, monkeypatch, "", "2026-11-06", "2026-11-07", "")


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (("", "", ""), "name the cases"),
        (("2026-10", "2026-10-01", ""), "name the cases"),
        (("", "", "2026-10-01"), "name the cases"),
        (("", "soon", ""), "--from 'soon' is no day"),
        (("", "2026-11-03", "2026-11-01"), "lies before"),
    ],
)
def test_a_period_that_is_none_is_refused_in_one_line(home, monkeypatch, options, complaint):
    with pytest.raises(UserError, match=complaint) as refused:
        run(home, monkeypatch, *options, "")
    assert "\n" not in str(refused.value)
