"""The page that explains prices: finished texts shown as they are, nothing fetched, nothing obeyed."""

from dataclasses import replace

from reports.explanation import Bar, ExplainedLine, ExplainedRow, Mark, PolicyChoice, Timeline, page
from reports.pdf import make_pdf

ROW = ExplainedRow(
    what="ENERGY",
    period="Tue 10:00:00",
    tariff="tariff T1, version 5c463e7c3df317d9",
    place="0.0",
    applies="on Mon, Tue",
    volume="5",
    billed_volume="6",
    unit="kWh",
    unit_price="0.5",
    vat="19 %",
    excl_vat="3",
    incl_vat="3.57",
)
LINE = ExplainedLine(
    line_id="L1",
    session="Tue 2026-10-06 10:00:00 to Tue 2026-10-06 11:00:00, Europe/Berlin",
    tariffs="tariff T1",
    currency="EUR",
    rows=(ROW,),
    total_excl_vat="3",
    total_incl_vat="3.57",
    proof=("The rows sum to 3 excl. VAT, exactly the total.",),
    notes=("Ask the CPO.",),
    policies=(PolicyChoice("step_base", "all_volume", is_default=False),),
    timeline=Timeline(
        bars=(Bar(0, 20, 1000, 100, 0, "Tue 10:00:00: 5 kWh"),),
        marks=(Mark(1000, "step"),),
        ticks=(Mark(0, "Tue 10:00"), Mark(1000, "Tue 11:00")),
        legend=((0, "energy by 0.0"),),
        peak="5 kW on average",
    ),
)


def test_every_text_of_a_row_is_on_the_page():
    html = page([LINE])
    for text in (
        "5 kWh",
        "6 kWh",
        "on Mon, Tue",
        "19 %",
        "3.57",
        "exactly the total",
        "Ask the CPO.",
        "counted from 0",
    ):
        assert text in html
    assert "step_base=all_volume</span> (not the default)" in html


def test_the_picture_marks_the_step_and_names_the_colour():
    html = page([LINE])
    assert '<rect class="hue-0" x="0" y="20" width="1000" height="100">' in html
    assert ">step</text>" in html
    assert "energy by 0.0" in html


def test_hostile_texts_are_shown_and_never_markup():
    html = page([replace(LINE, line_id="<script>alert(1)</script>", notes=('"><img src=x>',))])
    assert "<script>" not in html
    assert "<img" not in html
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html


def test_several_lines_have_a_list_of_contents_and_one_has_none():
    assert '<a href="#line-2">L2</a>' in page([LINE, replace(LINE, line_id="L2")])
    assert "#line-1" not in page([LINE])


def test_a_declined_line_says_why_and_shows_no_table():
    html = page([ExplainedLine("L1", "", "", "", error="no tariff is known")])
    assert "Not priced: no tariff is known" in html
    assert "<table>" not in html


def test_the_page_refers_to_nothing_outside_itself_and_prints():
    html = page([LINE])
    assert "http://" not in html
    assert "https://" not in html
    assert "<link" not in html
    assert make_pdf(html).pages == 1
