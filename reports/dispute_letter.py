"""A letter about disputes as plain text, in the CPO's language.

Ids and names come from other parties: each passes `plain_text.shown` before it stands in a line, so that none of them
can begin a line of its own, hide a figure or turn the direction of writing.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from typing import Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template, select_autoescape

from models.reconciliation.letters import Letter, LetterCase, LetterReason, LetterSum
from reports.formats import Formats
from reports.letter_texts import LetterText, letter_text
from reports.logos import PACKAGE
from reports.plain_text import Verbatim, shown

_VERSION: Final = "v1"
_WIDTH: Final = 78
"""columns of a paragraph, as mail programs show them without breaking lines again"""


def render_letter(letter: Letter, attachment: str) -> str:
    """Give the message of a letter.

    Args:
        letter: what is told.
        attachment: name of the CSV file that goes with it.
    """
    text = letter_text(letter.language)
    formats = Formats(text.locale)
    period = _period(letter, formats)
    cpo = {"cpo": _plain(letter.cpo_id), "name": _plain(letter.cpo_name)}
    return _template().render(
        text=text,
        subject=Verbatim(text.subject.format(period=period, **cpo)),
        intro=_paragraph(text.intro.format(period=period, count=formats.count(len(letter.cases)), **cpo)),
        sums=[_sum(each, text, formats) for each in letter.sums],
        cases=[_case(case, letter, text, formats) for case in letter.cases],
        attachment=_paragraph(text.attachment.format(file=_plain(attachment))),
        consequence=_paragraph(text.consequence.format(days=formats.count(letter.terms.days_to_lapse))),
        sender=letter.sender,
    )


def _period(letter: Letter, formats: Formats) -> str:
    if letter.is_month:
        return formats.month_in_a_sentence(f"{letter.first_day:%Y-%m}")
    return f"{formats.day(letter.first_day)} - {formats.day(letter.last_day)}"


def _sum(total: LetterSum, text: LetterText, formats: Formats) -> dict[str, object]:
    amounts = {name: formats.price(getattr(total, name), total.currency) for name in ("claimed", "at_stake", "held")}
    unknown = text.unknown_amounts.format(count=formats.count(total.unknown)) if total.unknown else ""
    return {"line": text.sum_line.format(currency=total.currency, **amounts), "unknown": unknown}


def _case(case: LetterCase, letter: Letter, text: LetterText, formats: Formats) -> dict[str, object]:
    return {
        "cdr": case.cdr_id or case.case_id,
        "facts": list(_facts(case, letter, text, formats)),
        "reasons": [
            {
                "rule_id": reason.rule_id,
                "sentence": text.rules[reason.rule_id],
                "figures": list(_figures(reason, case.currency, text, formats)),
            }
            for reason in case.reasons
        ],
    }


def _facts(case: LetterCase, letter: Letter, text: LetterText, formats: Formats) -> Iterator[tuple[str, str]]:
    labels = text.labels
    yield labels.session, case.session_id or text.unknown
    yield labels.start, _instant(case.started_at, formats) if case.started_at else text.unknown
    yield labels.evse, case.evse_id or text.unknown
    for name in ("claimed", "recomputed", "at_stake", "held"):
        amount: Decimal | None = getattr(case, name)
        yield getattr(labels, name), text.unknown if amount is None else formats.price(amount, case.currency)
    within = labels.answer_within.format(days=formats.count(letter.terms.days_to_answer))
    yield labels.answer_by, formats.day(case.deadline_on) if case.deadline_on else within


def _figures(reason: LetterReason, currency: str, text: LetterText, formats: Formats) -> Iterator[tuple[str, str]]:
    labels = text.labels
    unit = text.units.get(reason.unit or "", reason.unit or "")
    for label, value in ((labels.measured, reason.measured), (labels.permitted, reason.permitted)):
        if value is not None:
            yield label, f"{formats.number(value)} {unit}".rstrip()
    if reason.distance_km is not None:
        yield labels.distance, f"{formats.number(reason.distance_km)} km"
    if reason.seconds_between is not None:
        yield labels.between, f"{formats.count(reason.seconds_between)} s"
    for part, amount in reason.differences:
        yield getattr(labels, part), formats.price(amount, currency)
    if reason.other_cdr_key is not None:
        yield labels.other, reason.other_cdr_key


def _instant(instant: datetime, formats: Formats) -> str:
    return f"{formats.day(instant.date())} {instant:%H:%M} UTC"


def _plain(text: str) -> str:
    return str(shown(text))


def _paragraph(text: str) -> Verbatim:
    return Verbatim(textwrap.fill(text, _WIDTH, break_long_words=False, break_on_hyphens=False))


@lru_cache
def _template() -> Template:
    environment = Environment(
        loader=FileSystemLoader(PACKAGE / "templates"),
        autoescape=select_autoescape(("html.j2",)),  # plain text has no markup: `&amp;` would stand in the message
        undefined=StrictUndefined,
        finalize=shown,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["paragraph"] = _paragraph
    return environment.get_template(f"dispute_letter/{_VERSION}/letter.txt.j2")
