"""What was known when, and how well peers keep to OCPI: from raw pages to the tables of history and evidence."""

import gzip
import io
import json
from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest

from models.reference.bitemporal import believed_at
from models.schemas.registry import TABLES, Layer, table
from pipelines.lib.intake.files.loading import FileSource, load_file
from pipelines.lib.intake.history import remember
from pipelines.lib.intake.normalise import normalise
from pipelines.lib.raw_store import RawStore
from pipelines.lib.settings import Connection, Settings
from tests.unit.intake.little_peer import cdr, envelope, keep_pages, location, session, tariff

NOW = datetime(2026, 11, 5, 6, tzinfo=UTC)
DAY = timedelta(days=1)
CLIENT = {"country_code": "de", "party_id": "ldw", "role": "CPO", "last_updated": "2026-10-01T00:00:00Z"}
INVOICE = {"country_code": "DE", "party_id": "LDW", "id": "IR-1", "invoice_id": "2026-17"}
INVOICE |= {"last_updated": "2026-11-01T00:00:00Z"}
MADE = (
    *("hub_clients", "invoice_reconciliations", "tariff_history", "token_history", "connector_history"),
    *("contract_history", "tariff_lint", "protocol_violations", "unknown_fields", "freshness"),
)


def priced(price, **facts):
    return tariff(elements=[{"price_components": [{"type": "ENERGY", "price": price, "step_size": 1}]}], **facts)


def token(**changes):
    own = {"uid": "04A1", "type": "RFID", "contract_id": "DENSTC1", "issuer": "NST", "valid": True}
    return own | {"whitelist": "ALLOWED", "last_updated": "2026-09-01T00:00:00Z"} | changes


@pytest.fixture
def receive(settings, lake):
    """Receive a page, a day after the one before, and bring every table up to it."""
    pulls = []

    def receive(module, *records, **facts):
        at = NOW + DAY * len(pulls)
        pulls.append(at)
        stamp = f"{at:%Y%m%dT%H%M%SZ}"
        keep_pages(RawStore(lake), module, [envelope(list(records))], pull_id=stamp, received_at=at, **facts)
        normalise(settings, lake)
        remember(settings, lake)
        return at

    return receive


def read(lake, name):
    return lake.read(Layer.TYPED, name)


def breaches(lake):
    found = read(lake, "protocol_violations").sort("code", "record_key")
    return [(row["code"], row["record_key"]) for row in found.iter_rows(named=True)]


def test_a_tariff_that_goes_and_comes_back_has_three_rows_and_one_answer_at_any_time(receive, lake):
    for price in (0.45, 0.55, 0.45):
        receive("tariffs", priced(price))
    history = read(lake, "tariff_history")
    first, second, third = history["tariff_version_id"].to_list()
    assert first == third != second
    assert history.select("known_from", "known_to").rows() == [
        (NOW, NOW + DAY),
        (NOW + DAY, NOW + 2 * DAY),
        (NOW + 2 * DAY, None),
    ]
    believed = believed_at(history, NOW + 1.5 * DAY)
    assert believed["tariff_version_id"].to_list() == [second]
    versions = read(lake, "tariff_versions")["tariff_version_id"].to_list()
    assert sorted(versions) == sorted({first, second})


def test_a_deleted_tariff_is_a_row_without_version_and_a_breach_while_a_connector_names_it(receive, lake):
    receive("locations", location())
    at = receive("tariffs", tariff())
    deletion = {"method": "DELETE", "key": "DE*LDW*T1", "received_at": (at + DAY / 2).isoformat()}
    lake.write_bytes(
        f"{lake.root}/raw/ldw/tariffs/{at + DAY:%Y%m%dT%H%M%SZ}/receipts.ndjson.gz",
        gzip.compress(json.dumps(deletion).encode()),
    )
    receive("tariffs")
    rows = read(lake, "tariff_history").select("known_from", "known_to", pl.col("tariff_version_id").is_null()).rows()
    assert rows == [(at, at + DAY / 2, False), (at + DAY / 2, None, True)]
    assert breaches(lake) == [("tariff_deleted_while_referenced", "DE*LDW*T1")]


def test_tokens_and_connectors_hold_from_their_update_whenever_we_heard_of_it(receive, lake):
    receive("tokens", token())
    receive("tokens", token(uid="04a1", valid=False, last_updated="2026-10-01T00:00:00Z"))
    receive("locations", location())
    receive("locations", location(time_zone="Europe/Vienna", last_updated="2026-10-01T00:00:00Z"))
    tokens, connectors = read(lake, "token_history"), read(lake, "connector_history")
    september, october = datetime(2026, 9, 15, tzinfo=UTC), datetime(2026, 10, 15, tzinfo=UTC)
    assert believed_at(tokens, NOW + DAY / 2, october)["is_valid"].to_list() == [True]
    assert believed_at(tokens, NOW + DAY, october)["is_valid"].to_list() == [False]
    assert believed_at(tokens, NOW + DAY, september)["is_valid"].to_list() == [True]
    assert believed_at(connectors, NOW + 5 * DAY, october)["time_zone"].to_list() == ["Europe/Vienna"]
    assert believed_at(connectors, NOW + 5 * DAY, september)["time_zone"].to_list() == ["Europe/Berlin"]


@pytest.mark.parametrize(
    ("name", "module", "record", "said"),
    [
        ("tariff_history", "tariffs", tariff(), b'"T1"'),
        ("token_history", "tokens", token(), b'"04A1"'),
        ("connector_history", "locations", location(), b'"E1"'),
        ("hub_clients", "hubclientinfo", CLIENT | {"status": "PLANNED"}, b'"PLANNED"'),
        ("invoice_reconciliations", "invoicereconciliation", INVOICE | {"cdrs": ["C7"]}, b'"C7"'),
    ],
)
def test_a_row_names_the_version_and_the_record_that_it_stands_on(receive, lake, name, module, record, said):
    receive(module, "no object", record, version="2.3.0")
    (row,) = read(lake, name).iter_rows(named=True)
    assert (row["connection_id"], row["ocpi_version"]) == ("ldw", "2.3.0")
    assert said in RawStore(lake).record(row["connection_id"], module, row["page_sha256"], row["page_position"])


def test_even_an_empty_table_of_an_older_version_is_written_again(receive, lake):
    """A warehouse reads the file itself, and would miss the column."""
    receive("cdrs")
    older = table(Layer.TYPED, "tariff_history").empty().drop("ocpi_version")
    file = io.BytesIO()
    older.write_parquet(file)
    lake.write_bytes(lake.path(Layer.TYPED, "tariff_history"), file.getvalue())
    assert lake.is_older(Layer.TYPED, "tariff_history")
    receive("cdrs")
    assert not lake.is_older(Layer.TYPED, "tariff_history")


def test_our_own_contracts_are_remembered_as_the_books_said_at_each_load(settings, lake):
    schema = table(Layer.MASTER, "contracts").schema
    for days, plan in ((0, "FLEX"), (1, "FLEX"), (2, "FLAT"), (3, "FLEX")):
        facts = dict.fromkeys(schema) | {"contract_id": "C1", "account_id": "A1", "plan_id": plan}
        frame = pl.DataFrame([facts | {"valid_from": date(2026, 1, 1)}], schema=schema)
        lake.write(Layer.MASTER, "contracts", frame)
        remember(Settings(home=settings.home, now=NOW + days * DAY), lake)
    history = read(lake, "contract_history")
    assert history.select("plan_id", "known_from", "known_to", "valid_from", "valid_to").rows() == [
        ("FLEX", NOW, NOW + 2 * DAY, date(2026, 1, 1), None),
        ("FLAT", NOW + 2 * DAY, NOW + 3 * DAY, date(2026, 1, 1), None),
        ("FLEX", NOW + 3 * DAY, None, date(2026, 1, 1), None),
    ]


def test_a_second_body_is_a_breach_with_both_bodies_at_hand(receive, lake):
    receive("cdrs", cdr(1), cdr(1, total_energy=11), cdr(2))
    receive("cdrs", cdr(2, total_energy=12), cdr(1))
    assert breaches(lake) == [
        ("cdr_changed", "DE*LDW*C000002"),
        ("repeated_id_in_page", "DE*LDW*C000001"),
        ("second_body", "DE*LDW*C000001"),
    ]
    row = read(lake, "protocol_violations").filter(code="cdr_changed").row(0, named=True)
    store = RawStore(lake)
    later = store.record(row["connection_id"], "cdrs", row["page_sha256"], row["page_position"])
    earlier = store.record(row["other_connection_id"], "cdrs", row["other_page_sha256"], row["other_page_position"])
    assert json.loads(later)["total_energy"] == 12
    assert json.loads(earlier) == cdr(2)
    assert row["content_sha256"] != row["other_content_sha256"]


def test_what_follows_an_unreadable_body_corrects_it_and_what_differs_from_the_first_readable_one_is_a_breach(
    receive, lake
):
    for body in (cdr(1, currency=None), cdr(1, currency="EURO"), cdr(1), cdr(1, total_energy=11), cdr(1, currency="E")):
        receive("cdrs", body)
    assert read(lake, "records")["outcome"].to_list() == [
        *("quarantined", "quarantined", "typed", "quarantined", "quarantined")
    ]
    assert breaches(lake) == [("cdr_changed", "DE*LDW*C000001")] * 2
    typed = lake.read_months(Layer.TYPED, "cdrs").select("page_sha256").item()
    assert read(lake, "protocol_violations")["other_page_sha256"].to_list() == [typed, typed]


def test_a_page_that_lists_an_object_twice_is_a_breach_and_a_file_that_tells_its_story_is_none(
    receive, settings, lake, tmp_path
):
    begun, ended = session(status="ACTIVE", last_updated="2026-10-12T08:30:00Z"), session()
    path = tmp_path / "sessions.ndjson"
    path.write_text("".join(f"{json.dumps(each | {'id': 'S2'})}\n" for each in (begun, ended)))
    ldw = Connection(connection_id="ldw", kind="cpo", parties=("DE*LDW",), versions_url="https://ldw.example/versions")
    load_file(settings, lake, path, FileSource(ldw, "sessions"))
    receive("sessions", begun, ended)
    assert breaches(lake) == [("repeated_id_in_page", "DE*LDW*S000001")]


def test_credits_need_an_original_and_only_one_is_right(receive, lake):
    def credit(number, **changes):
        taken = {"credit": True, "credit_reference_id": "c000001", "total_cost": {"excl_vat": -4.55}}
        return cdr(number) | taken | changes

    receive(
        "cdrs", cdr(1), credit(2), credit(3), credit(4, credit_reference_id="C9"), credit(5, credit_reference_id="")
    )
    assert breaches(lake) == [
        ("credit_without_original", "DE*LDW*C000004"),
        ("credit_without_original", "DE*LDW*C000005"),
        ("double_credit", "DE*LDW*C000003"),
    ]


def test_a_credit_says_of_what_it_refers_to_whether_it_is_quarantined_a_credit_or_unknown(receive, lake):
    receive("cdrs", cdr(1, currency=None))
    credited = {"credit": True, "credit_reference_id": "c000001", "total_cost": {"excl_vat": -4.55}}
    others = (cdr(number) | credited | {"credit_reference_id": named} for number, named in ((3, "C9"), (4, "C000003")))
    receive("cdrs", cdr(2) | credited, *others)
    found = read(lake, "protocol_violations").sort("record_key")
    assert found.select("code", "sentence").rows() == [
        (
            "credit_without_original",
            "credit DE*LDW*C000002 refers to CDR c000001, which is quarantined (missing_field)",
        ),
        ("credit_without_original", "credit DE*LDW*C000003 refers to CDR C9, which was never received"),
        ("credit_without_original", "credit DE*LDW*C000004 refers to CDR C000003, which is a credit itself"),
    ]
    original = read(lake, "records").filter(record_id="C000001").row(0, named=True)
    assert found["other_page_sha256"].to_list() == [original["page_sha256"], None, None]


def test_ids_that_are_too_long_updates_that_go_back_and_sessions_that_reopen_are_breaches(receive, lake):
    receive("cdrs", cdr(1), cdr(2, id="C" * 40))
    receive("sessions", session(), session(id="S" * 37))
    receive("sessions", session(status="ACTIVE", last_updated="2026-10-12T10:00:00Z"))
    receive("sessions", session(kwh=9, last_updated="2026-10-12T09:30:00Z"))
    assert breaches(lake) == [
        ("id_too_long", f"DE*LDW*{'C' * 40}"),
        ("id_too_long", f"DE*LDW*{'S' * 37}"),
        ("last_updated_backwards", "DE*LDW*S000001"),
        ("session_reopened", "DE*LDW*S000001"),
    ]
    ids = lake.read_months(Layer.TYPED, "cdrs")["cdr_id"].to_list()
    assert "C" * 40 in ids


def test_every_id_of_a_record_is_measured_and_each_that_is_too_long_is_a_breach_of_its_own(receive, lake):
    period = cdr()["charging_periods"][0] | {"tariff_id": "T" * 37}
    token = cdr()["cdr_token"] | {"contract_id": "D" * 36}
    long = cdr(1, session_id="S" * 60, charging_periods=[period, period | {"tariff_id": "T" * 38}], cdr_token=token)
    receive("cdrs", long, cdr(2))
    receive("cdrs", long)
    connector = location()["evses"][0]["connectors"][0] | {"tariff_ids": ["T1", "U" * 40]}
    receive("locations", location(evses=[{"uid": "E1", "evse_id": "E" * 49, "connectors": [connector]}]))
    receive("cdrs", cdr(3, currency=None, authorization_reference="A" * 37))
    found = read(lake, "protocol_violations").sort("module", "record_key", "path")
    assert found.select("code", "sentence", "page_position").rows() == [
        ("id_too_long", "cdrs charging_periods[].tariff_id has 38 characters, OCPI 2.2.1 allows 36", 0),
        ("id_too_long", "cdrs session_id has 60 characters, OCPI 2.2.1 allows 36", 0),
        ("id_too_long", "cdrs authorization_reference has 37 characters, OCPI 2.2.1 allows 36", 0),
        ("id_too_long", "locations evses[].connectors[].tariff_ids[] has 40 characters, OCPI 2.2.1 allows 36", 0),
        ("id_too_long", "locations evses[].evse_id has 49 characters, OCPI 2.2.1 allows 48", 0),
    ]
    assert found["violation_id"].is_unique().all()


def test_a_sound_exchange_breaks_nothing_however_often_it_is_repeated(receive, lake):
    for _ in range(2):
        receive("cdrs", cdr(1), cdr(2))
        receive("sessions", session())
        receive("tariffs", tariff())
        receive("locations", location())
    assert breaches(lake) == []
    assert read(lake, "unknown_fields").is_empty()
    assert read(lake, "tariff_lint").is_empty()


def test_unknown_fields_are_counted_and_a_misspelt_one_is_a_breach(receive, lake):
    misspelt = tariff(elements=[{"price_components": tariff()["elements"][0]["price_components"], "restriction": {}}])
    receive("tariffs", tariff(colour="red"), misspelt | {"id": "T2"}, tariff(id="T3", colour="blue", shape=None))
    rows = read(lake, "unknown_fields").select("path", "meant", "records", "first_page_position").rows()
    assert rows == [("colour", None, 2, 0), ("elements[].restriction", "restrictions", 1, 1)]
    assert breaches(lake) == [("misspelt_field", "elements[].restriction")]
    lint = read(lake, "tariff_lint").select("code", "tariff_key").rows()
    assert sorted(lint) == [("unknown_key", "DE*LDW*T1"), ("unknown_key", "DE*LDW*T3")]
    refused = read(lake, "records").filter(outcome="quarantined")
    assert refused.select("record_id", "rule").rows() == [("T2", "misspelt_field")]


def test_tariffs_are_linted_where_they_are_offered(receive, lake):
    connector = location()["evses"][0]["connectors"][0] | {"tariff_ids": ["T1", "T2"]}
    receive("locations", location(evses=[{"uid": "E1", "evse_id": "DE*LDW*E1", "connectors": [connector]}]))
    window = {"start_time": "02:30", "end_time": "06:00"}
    night = [{"price_components": tariff()["elements"][0]["price_components"], "restrictions": window}]
    receive("tariffs", tariff(currency="CHF"), tariff(id="T2", elements=night))
    found = sorted(read(lake, "tariff_lint").select("tariff_key", "code").rows())
    assert found == [
        ("DE*LDW*T1", "foreign_currency"),
        ("DE*LDW*T1", "several_active"),
        ("DE*LDW*T2", "dst_window"),
        ("DE*LDW*T2", "gap"),
        ("DE*LDW*T2", "several_active"),
    ]


def test_hub_clients_and_invoice_records_are_typed(receive, lake):
    receive("hubclientinfo", CLIENT | {"status": "CONNECTED"}, CLIENT | {"status": 7})
    receive("hubclientinfo", CLIENT | {"status": "OFFLINE", "last_updated": "2026-10-02T00:00:00Z"})
    assert read(lake, "hub_clients").select("client_id", "client_role", "status").rows() == [
        ("DE*LDW", "CPO", "OFFLINE")
    ]
    facts = {"version": "2.3.0"}
    receive("invoicereconciliation", INVOICE | {"cdrs": ["c1", "C2", "C1"]}, **facts)
    receive("invoicereconciliation", INVOICE | {"cdrs": ["C1"], "last_updated": "2026-11-02T00:00:00Z"}, **facts)
    receive("invoicereconciliation", INVOICE | {"cdrs": [], "last_updated": "2026-11-03T00:00:00Z"}, **facts)
    rows = read(lake, "invoice_reconciliations").select("record_key", "invoice_id", "cdr_key", "cdr_id").rows()
    assert rows == [("DE*LDW*IR-1", "2026-17", "DE*LDW*C1", "C1")]
    counts = read(lake, "records").group_by("module", "outcome").len().sort("module", "outcome").rows()
    assert counts == [
        ("hubclientinfo", "quarantined", 1),
        ("hubclientinfo", "typed", 2),
        ("invoicereconciliation", "quarantined", 1),
        ("invoicereconciliation", "typed", 2),
    ]


def test_freshness_counts_what_came_and_what_did_not(receive, lake):
    at = receive("cdrs", cdr(1), cdr(2, currency="EURO"))
    (row,) = read(lake, "freshness").to_dicts()
    assert (row["connection_id"], row["module"], row["last_pull_at"]) == ("ldw", "cdrs", at)
    assert (row["pulls"], row["failed_pulls"], row["records"], row["quarantined_records"]) == (1, 0, 2, 1)
    assert str(row["quarantined_pct"]) == "50.0000"
    assert row["newest_update_at"] == datetime(2026, 10, 12, 9, 5, tzinfo=UTC)
    assert row["lag_seconds"] == int((at - row["newest_update_at"]).total_seconds())


def test_a_table_that_an_older_version_wrote_is_written_again_with_the_columns_that_came_since(receive, settings, lake):
    receive("cdrs", cdr(1), cdr(1, total_energy=11))
    path, whole = lake.path(Layer.TYPED, "protocol_violations"), read(lake, "protocol_violations")
    assert whole["path"].null_count() == whole.height > 0
    whole.drop("path").write_parquet(path)
    remember(settings, lake)
    assert pl.read_parquet(path).equals(whole)


def test_making_it_all_again_gives_the_same_and_rewrites_nothing(receive, settings, lake):
    receive("cdrs", cdr(1), cdr(1, total_energy=11))
    receive("tariffs", priced(0.45), priced(0.55))
    before = {name: (read(lake, name), lake.fs.modified(lake.path(Layer.TYPED, name))) for name in MADE}
    remember(settings, lake)
    after = {name: (read(lake, name), lake.fs.modified(lake.path(Layer.TYPED, name))) for name in MADE}
    for name in MADE:
        assert before[name][0].equals(after[name][0]), name
        assert before[name][1] == after[name][1], name
    for folder in ("stated", "landed"):
        lake.fs.rm(f"{lake.root}/{folder}", recursive=True)
    for name in MADE:
        lake.fs.rm(lake.path(Layer.TYPED, name))
    normalise(settings, lake)
    remember(settings, lake)
    for name in MADE:
        assert before[name][0].equals(read(lake, name)), name
    assert {each.name for each in TABLES if each.layer == Layer.TYPED} >= set(MADE)
