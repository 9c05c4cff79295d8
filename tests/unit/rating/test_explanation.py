"""`price --explain`: each amount is told with its origin, and texts of others command neither terminal nor page."""

import io
import json

import pytest
from rich.console import Console

from models.rating.outcome import Note
from pipelines.commands import price
from pipelines.lib.errors import UserError
from pipelines.lib.explanations import NOTE_SENTENCES, explained
from pipelines.lib.price_lines import price_lines

WEEKDAY = {"start_time": "08:00", "end_time": "20:00", "day_of_week": ["MONDAY", "TUESDAY"], "max_kwh": 5}
TARIFF = {
    "country_code": "DE",
    "party_id": "LDW",
    "id": "T1",
    "currency": "EUR",
    "min_price": {"excl_vat": 20, "incl_vat": 23.8},
    "elements": [
        {
            "price_components": [{"type": "ENERGY", "price": 0.5, "vat": 19, "step_size": 1000}],
            "restrictions": WEEKDAY,
        },
        {
            "price_components": [
                {"type": "ENERGY", "price": 0.25, "vat": 19, "step_size": 1000},
                {"type": "PARKING_TIME", "price": 4, "vat": 19, "step_size": 1},
            ]
        },
    ],
}
CDR = {
    "start_date_time": "2026-10-06T08:00:00Z",
    "end_date_time": "2026-10-06T10:00:00Z",
    "currency": "EUR",
    "charging_periods": [
        {"start_date_time": "2026-10-06T08:00:00Z", "dimensions": [{"type": "ENERGY", "volume": 5.0}]},
        {"start_date_time": "2026-10-06T08:30:00Z", "dimensions": [{"type": "ENERGY", "volume": 2.25}]},
        {"start_date_time": "2026-10-06T09:00:00Z", "dimensions": [{"type": "PARKING_TIME", "volume": 1}]},
    ],
}
HOSTILE = "a\x1b[31m\u202e<b>[bold]"
SEEN = "a\\x1b[31m\\x202e<b>[bold]"


def line(name="L1", **changes):
    whole = {"id": name, "ocpi_version": "2.2.1", "timezone": "Europe/Berlin", "tariffs": [TARIFF], "cdr": CDR}
    return json.dumps({**whole, **changes})


def told(text, choices=None):
    (answer,) = price_lines([text], choices or {})
    return explained(answer)


def run(tmp_path, *texts, **options):
    source, console = tmp_path / "in.jsonl", Console(file=io.StringIO(), width=100)
    source.write_text("\n".join(texts))
    code = price.run(source, console=console, **{"explain": False, "output": None, **options})
    return code, console.file.getvalue()


def test_every_amount_says_where_it_comes_from():
    rows = [
        (row.what, row.period, row.place, row.volume, row.billed_volume, row.unit, row.unit_price, row.excl_vat)
        for row in told(line()).rows
    ]
    assert rows == [
        ("ENERGY", "Tue 10:00:00", "0.0", "5", "5", "kWh", "0.5", "2.5"),
        ("ENERGY", "Tue 10:30:00", "1.0", "2.25", "2.25", "kWh", "0.25", "0.5625"),
        ("PARKING_TIME", "Tue 11:00:00", "1.1", "1", "1", "h", "4", "4"),
        ("ENERGY (step_size)", "Tue 10:30:00", "1.0", "", "0.75", "kWh", "0.25", "0.1875"),
        ("min_price or max_price", "", "", "", "", "", "", "12.75"),
    ]


def test_the_restriction_and_tariff_of_a_row_are_in_words():
    first = told(line()).rows[0]
    assert first.applies == "from 08:00 to 20:00; on Mon, Tue; for the first 5 kWh"
    assert first.tariff.startswith("tariff T1, version ")
    assert (first.vat, first.incl_vat) == ("19 %", "2.975")


def test_the_rows_are_proved_to_sum_to_the_total():
    line_told = told(line())
    assert (line_told.total_excl_vat, line_told.total_incl_vat) == ("20", "23.8")
    assert line_told.proof == (
        "The rows sum to 20 excl. VAT, exactly the total.",
        "The rows sum to 23.8 incl. VAT, exactly the total.",
    )


def test_a_policy_that_was_chosen_is_told_apart_from_the_defaults():
    choices = {
        choice.name: (choice.value, choice.is_default) for choice in told(line(), {"step_base": "all_volume"}).policies
    }
    assert choices["step_base"] == ("all_volume", False)
    assert choices["hour_snapping"] == ("none", True)


def test_every_note_has_a_sentence():
    assert set(NOTE_SENTENCES) == set(Note)


def test_without_a_zone_the_interval_is_told_beside_the_error():
    line_told = told(line(timezone=None))
    assert "time zone of the location is unknown" in line_told.error
    assert line_told.rows == ()
    assert line_told.interval[0].endswith("20 EUR excl. VAT.")


def test_the_picture_has_a_bar_per_period_and_marks_step_and_limit():
    drawn = told(line()).timeline
    assert [(bar.x, bar.width, bar.height, bar.hue) for bar in drawn.bars] == [
        (0, 250, 100, 0),
        (250, 250, 45, 1),
        (500, 500, 4, None),
    ]
    assert [(mark.x, mark.label) for mark in drawn.marks] == [(500, "step"), (1000, "limit")]
    assert [tick.label for tick in drawn.ticks] == ["Tue 10:00", "Tue 10:30", "Tue 11:00", "Tue 11:30", "Tue 12:00"]
    assert drawn.peak == "10 kW on average"


@pytest.mark.parametrize("text", [line(HOSTILE), line(HOSTILE, tariffs=[])], ids=["priced", "declined"])
def test_control_characters_never_reach_the_terminal(tmp_path, text):
    _, story = run(tmp_path, text, explain=True, html=tmp_path / "page.html")
    assert SEEN in story
    assert "\x1b" not in story
    assert "\u202e" not in story


def test_the_summary_names_lines_that_failed_by_number_and_id(tmp_path):
    code, story = run(tmp_path, line(), "", line("bad", tariffs=[]), "{}", output=tmp_path / "out.jsonl")
    assert code == 1
    assert "line 3, bad: no tariff is known for the session" in story
    assert "line 4, no id: line id: expected a text" in story


def test_a_policy_of_the_command_line_changes_the_price(tmp_path):
    code, _ = run(tmp_path, line(), output=tmp_path / "out.jsonl", policies=["limits_of_several_tariffs=first_tariff"])
    assert code == 0


def test_an_unknown_policy_is_one_line_that_names_what_exists(tmp_path):
    with pytest.raises(UserError, match="no policy is called 'foo': it is one of step_base, "):
        run(tmp_path, line(), policies=["foo=bar"])
    with pytest.raises(UserError, match="step_base cannot be '': it is one of priced_volume, all_volume"):
        run(tmp_path, line(), policies=["step_base"])


def test_lines_that_fail_are_named_beside_the_answers(tmp_path, capfd):
    code, _ = run(tmp_path, line(), line("bad", tariffs=[]))
    answers, summary = capfd.readouterr()
    assert code == 1
    assert [json.loads(answer)["id"] for answer in answers.splitlines()] == ["L1", "bad"]
    assert "1 of 2 lines priced, 1 with an error" in summary
    assert "line 2, bad: no tariff is known for the session" in summary


def test_a_byte_that_is_no_text_costs_its_own_line_only(tmp_path):
    file = tmp_path / "lines.jsonl"
    file.write_bytes(b'{"id": "L0\xff"}\n' + line().encode())
    code = price.run(file, False, tmp_path / "out.jsonl", Console(file=io.StringIO()))
    broken, whole = map(json.loads, (tmp_path / "out.jsonl").read_text().splitlines())
    assert code == 1
    assert broken["error"] == "line 1: expected UTF-8, found byte 0xff at place 11"
    assert "error" not in whole


def test_a_key_given_twice_is_refused(tmp_path):
    twice = line().replace('"currency": "EUR"', '"currency": "EUR", "currency": "SEK"', 1)
    run(tmp_path, twice, output=tmp_path / "out.jsonl")
    (answer,) = map(json.loads, (tmp_path / "out.jsonl").read_text().splitlines())
    assert answer["error"] == "line 1: expected JSON, found the key 'currency' more than once in an object"


def test_a_file_is_priced_block_by_block_with_its_own_line_numbers(tmp_path, monkeypatch):
    monkeypatch.setattr(price, "_BLOCK", 2)
    code, story = run(tmp_path, *(line(f"L{n}") for n in range(1, 5)), "{", output=tmp_path / "out.jsonl")
    ids = [json.loads(answer)["id"] for answer in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert ids == ["L1", "L2", "L3", "L4", None]
    assert code == 1
    assert "  line 5, no id: expected JSON" in story
