"""The evidence of a dispute as pages: everything that decides stands there, and nothing that a CDR says breaks it."""

import io
import re
from dataclasses import replace
from datetime import timedelta

import msgspec
import pypdf
import pytest

from models.reconciliation.packs.canonical import pack_json, read_pack
from models.reconciliation.packs.pack import EvidencePack
from reports.evidence_charts import power_chart, travel_chart
from reports.evidence_pack import PackContext, evidence_html, newest_instant
from reports.pdf import Enclosure, make_pdf
from tests.documents.evidence_samples import finding, sample

CONTEXT = PackContext("0123456789abcdef" * 4, "DE-LDW-C000017-30d2fd1c.json")
HOSTILE = "<script>alert(1)</script>\x1b[31m\x00\u202egpj.exe\"'&{{ 7*7 }}</p></title>"


def text_of(pdf):
    return "\n".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(pdf)).pages)


@pytest.fixture(scope="module")
def html():
    return evidence_html(sample(), CONTEXT)


@pytest.fixture(scope="module")
def pdf(html):
    return make_pdf(html)


def test_the_html(html, snapshot):
    assert html == snapshot


def test_the_text_of_the_pdf(pdf, snapshot):
    assert text_of(pdf.content) == snapshot


def test_what_decides_stands_on_the_first_page(pdf):
    first = pypdf.PdfReader(io.BytesIO(pdf.content)).pages[0].extract_text()
    for words in ("DE*LDW*C000017", "14.25", "13.89", "0.36", "441 km/h", "R21 price difference", "escalated, level 2"):
        assert words in first


def test_a_closed_case_says_what_is_paid_and_asks_for_nothing(html):
    asked, held = "Answer by", "payment is held"
    assert asked in html
    assert held in html
    closed = {"status": "paid_under_protest", "is_live": False, "payable": "14.00", "held": "0", "conceded": "0.25"}
    paid = evidence_html(sample(case=closed), CONTEXT)
    assert "Closed: paid under protest" in paid
    assert "Of the claim 14.00 EUR is payable, and 0.25 EUR is not." in paid
    assert asked not in paid
    assert held not in paid


def test_the_hash_the_record_and_the_causes_are_told(html):
    pack = sample()
    assert pack.received.record_sha256 in html
    assert "&#34;total_cost&#34;:{&#34;excl_vat&#34;:14.2500}" in html
    assert "no rounding up to the step; or by another tariff of yours (747573c0a21ebcfe)" in html
    assert "the choice step_base=all_volume" in html
    assert "this is how our agreement makes it: step_base=all_volume" in html


def test_the_same_pack_gives_the_same_bytes_with_its_json_inside(html, pdf):
    pack = sample()
    content = pack_json(pack)
    enclosure = Enclosure("pack.json", "this pack", content, newest_instant(pack))
    first, second = (make_pdf(html, [enclosure]).content for _ in range(2))
    assert first == second
    reader = pypdf.PdfReader(io.BytesIO(first))
    assert reader.attachments["pack.json"] == [content]
    assert read_pack(content) == pack
    assert reader.metadata.creation_date.isoformat() == "2026-11-20T09:30:00+00:00"
    assert pdf.pages == len(reader.pages) == 3


def everywhere(value, text):
    """Put a text into every field of a JSON value that holds free text."""
    closed = {"format", "verdict", "status", "match_kind", "session_match_kind", "source", "tax_included", "dimension"}
    closed |= {"outcome", "kind", "severity", "policy", "part", "result"}
    if isinstance(value, dict):
        return {name: each if name in closed else everywhere(each, text) for name, each in value.items()}
    if isinstance(value, list):
        return [everywhere(each, text) for each in value]
    is_figure = isinstance(value, str) and re.fullmatch(r"-?\d+(\.\d+)?|\d{4}-\d\d-\d\d(T.*)?", value)
    return text if isinstance(value, str) and not is_figure else value


def spoiled(text):
    plain = msgspec.json.decode(pack_json(sample()))
    ours = {"sender": plain["sender"]}
    return msgspec.json.decode(msgspec.json.encode(everywhere(plain, text) | ours), type=EvidencePack)


def test_hostile_texts_are_shown_and_never_obeyed():
    pack = spoiled(HOSTILE)
    assert pack.claim.location_name == pack.findings[0].message == pack.received.record == HOSTILE
    page = evidence_html(pack, CONTEXT)
    assert "<script" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;\\u001b[31m\\u0000\\u202egpj.exe" in page
    assert not [sign for sign in page if not sign.isprintable() and sign != "\n"]
    assert "{{ 7*7 }}" in page
    assert "\\u202egpj.exe" in text_of(make_pdf(page).content)
    assert b"\x1b" not in pack_json(pack)
    assert read_pack(pack_json(pack)) == pack


def test_an_endless_id_is_cut_and_its_length_told():
    page = evidence_html(spoiled("x" * 100_000), CONTEXT)
    assert len(page) < 150_000
    assert f"{'x' * 300}… (100,000 characters)" in page
    assert "x" * 12_001 not in page
    long = dict.fromkeys(("cdr_id", "session_id", "evse_id", "location_name", "token_uid"), "x" * 100_000)
    assert make_pdf(evidence_html(sample(claim=long), CONTEXT)).pages < 8


def test_endless_tables_are_cut_and_say_so():
    price = msgspec.to_builtins(sample().recomputation)
    page = evidence_html(sample(recomputation={"rows": price["rows"] * 200}), CONTEXT)
    assert page.count("ENERGY<span") == 134
    assert "The first 200 of 600 rows" in page


def test_what_is_unknown_is_a_word_and_never_a_zero():
    nothing = {"recomputed_excl_vat": None, "difference_excl_vat": None, "rows": [], "policy": None, "sub_totals": []}
    bare = sample(
        sender=None,
        recipient={"name": None},
        received={"record": None, "record_sha256": None, "record_bytes": None, "problem": "no raw page has that hash"},
        authorization={"match_kind": "none", "authorization_id": None, "reason": "no authorization of this token"},
        recomputation={**nothing, "outcome": "not_priced", "reason": "no tariff is known"},
        tariffs=[],
        power={"limit_kw": None, "average_kw": None, "steps": []},
        findings=[finding("R23", "no agreed price", "block", "cannot be priced: no tariff is known")],
    )
    page = evidence_html(bare, CONTEXT)
    for words in ("Not recomputed: no tariff is known", "no raw page has that hash", "no authorization of this token"):
        assert words in page
    assert page.count("unknown") == 4
    assert "0.00 " not in page
    assert make_pdf(page).pages == 2


def test_power_is_drawn_to_scale_with_its_gap_and_what_is_above_the_limit():
    chart = power_chart(sample().power)
    assert [tick.label for tick in chart.powers] == ["0", "20", "40"]
    height = chart.base - chart.top
    assert chart.limit_y == pytest.approx(chart.base - height * 22 / 40, abs=0.01)
    first, last = chart.area.split(" M")
    middle = (chart.left + chart.right) / 2
    assert f"V{round(chart.base - height * 34.5 / 40, 2)}H{middle}V" in first
    assert last.startswith(f"{round(chart.left + (chart.right - chart.left) * 40 / 60, 2)} ")
    (gap,) = chart.gaps
    assert (gap.x, gap.x + gap.width) == (
        middle,
        pytest.approx(chart.left + (chart.right - chart.left) * 40 / 60, abs=0.02),
    )
    assert chart.above.count("M") == 1
    assert chart.outline.count("M") == 2
    assert [tick.label for tick in chart.times] == ["12:30", "12:40", "12:50", "13:00", "13:10", "13:20"]


def test_the_way_is_drawn_from_the_end_of_one_session_to_the_start_of_the_other():
    pack = sample()
    chart = travel_chart(pack.claim, pack.findings[0])
    assert chart.arrival == "13:11:10"
    assert chart.there.x + chart.there.width == pytest.approx(chart.way[0], abs=0.02)
    assert chart.here.x == chart.way[1]
    assert chart.way[0] < chart.way[1] < chart.permitted_x <= chart.right
    assert chart.overlap is None


def test_sessions_at_once_have_their_overlap_and_no_way():
    pack = sample()
    late = replace(pack.findings[0].other, ended_at=pack.claim.started_at + timedelta(minutes=20))
    at_once = replace(pack.findings[0], unit="s", other=late)
    chart = travel_chart(pack.claim, at_once)
    assert (chart.way, chart.permitted_x) == (None, None)
    assert chart.overlap.x == chart.here.x
    assert chart.overlap.x + chart.overlap.width == pytest.approx(chart.there.x + chart.there.width, abs=0.02)


def test_without_a_distance_or_periods_nothing_is_drawn():
    pack = sample()
    assert travel_chart(pack.claim, pack.findings[1]) is None
    assert power_chart(sample(power={"steps": []}).power) is None


@pytest.mark.parametrize(
    ("start", "end"),
    [("0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z"), ("9999-12-31T23:00:00Z", "9999-12-31T23:59:59.999999Z")],
)
def test_sessions_at_the_ends_of_the_calendar_are_drawn_like_others(start, end):
    steps = [{"started_at": start, "ended_at": end, "energy_kwh": "1", "average_kw": "999999999.999"}]
    late = [{**msgspec.to_builtins(finding), "permitted": "0.000000001"} for finding in sample().findings]
    late[0]["other"] |= {"started_at": "9999-12-30T00:00:00Z", "ended_at": "9999-12-31T00:00:00Z"}
    page = evidence_html(
        sample(claim={"started_at": start, "ended_at": end}, power={"steps": steps}, findings=late), CONTEXT
    )
    assert page.count('text-anchor="middle"') < 30


def test_a_session_of_thousands_of_periods_is_one_drawing():
    step = {
        "started_at": "2026-10-10T12:21:00Z",
        "ended_at": "2026-10-10T12:21:01Z",
        "energy_kwh": "1",
        "average_kw": "5",
    }
    chart = power_chart(sample(power={"steps": [step] * 5000}).power)
    assert chart.area.count("Z") == 5000
    assert len(chart.times) <= 10
