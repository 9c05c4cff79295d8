"""What a CPO took back is not billed, and what replaces a billed session is not billed a second time."""

from decimal import Decimal

import pytest

from models.billing.charges import Books, session_charges
from models.billing.credited import CREDITED_COLUMNS, NO_OBSTACLES, obstacles
from models.billing.reimbursements import reimbursements
from models.billing.selection import retail_subjects
from models.schemas.registry import Layer
from pipelines.lib.reference_data import home_rates, vat_rates
from tests.unit.billing.billing_world import cdr_row, frame, master, master_tables, retail_row, verdict_row

ORIGINAL, CREDIT, REPLACEMENT = (f"XX*CPO*00000{number}" for number in (1, 2, 3))
TAKEN_BACK = "a credit CDR took it back: nothing of it is billed"
PAID = f"its session was billed as CDR {ORIGINAL}, which was then credited: a person corrects that"


def session(number, total="5.00", **more):
    row = {"session_id": "S-1", "total_cost_excl_vat": Decimal(total), "cdr_id": f"{number:06d}"}
    return cdr_row(number, "DE-NST-ANNA", **row | more)


def credit(total="-5.00"):
    return session(2, total, is_credit=True, credit_reference_id="000001")


def told(rows, *billed):
    cdrs = frame(Layer.TYPED, "cdrs", rows).select(CREDITED_COLUMNS)
    return dict(obstacles(cdrs, billed).rows())


def test_without_credits_nothing_stands_in_the_way():
    assert obstacles(frame(Layer.TYPED, "cdrs", [session(1)]).select(CREDITED_COLUMNS), {ORIGINAL}) is NO_OBSTACLES


def test_an_original_credited_before_it_was_billed_is_not_billed_and_its_replacement_is():
    assert told([session(1), credit(), session(3, "4.00", session_id="s-1")]) == {ORIGINAL: TAKEN_BACK}


def test_a_replacement_of_a_billed_session_waits_for_a_person():
    assert told([session(1), credit(), session(3, "4.00", session_id="s-1")], ORIGINAL) == {REPLACEMENT: PAID}


@pytest.mark.parametrize("billed", [(ORIGINAL, REPLACEMENT), (REPLACEMENT,)])
def test_what_was_billed_stays_as_it_was_billed(billed):
    rows = [session(1), credit(), session(3, "4.00")]
    assert REPLACEMENT not in told(rows, *billed)
    assert told(rows, *billed).get(ORIGINAL) == (None if ORIGINAL in billed else TAKEN_BACK)


def test_a_partial_credit_and_another_session_leave_the_charge_alone():
    assert told([session(1), credit("-2.00"), session(3, session_id="S-2")], ORIGINAL) == {}
    assert told([session(1), credit(), session(3, session_id=None)], ORIGINAL) == {}


def test_charges_of_such_sessions_are_rows_with_a_reason():
    cdrs = frame(Layer.TYPED, "cdrs", [session(1), credit(), session(3)])
    charges = session_charges(
        retail_subjects(cdrs, master_tables()),
        frame(Layer.PRICED, "retail_cdrs", [retail_row(number, "6.00", is_gross=True) for number in (1, 3)]),
        frame(Layer.MATCHED, "verdicts", [verdict_row(number) for number in (1, 2, 3)]),
        Books(master(), vat_rates()),
        obstacles(cdrs.select(CREDITED_COLUMNS), ()),
    )
    assert {row["cdr_key"]: (row["outcome"], row["review_reason"]) for row in charges.to_dicts()} == {
        ORIGINAL: ("review", TAKEN_BACK),
        CREDIT: ("review", "a credit CDR is no supply: a person credits the customer"),
        REPLACEMENT: ("billable", None),
    }


def test_a_session_at_home_is_refunded_once():
    at_home = {"is_home_charging": True, "evse_id": "DE*SWM*HOME1", "contract_id": "DE-NST-ALPEN1"}
    rows = [session(1) | at_home, credit() | at_home, session(3) | at_home]
    cdrs = frame(Layer.TYPED, "cdrs", rows)
    verdicts = frame(Layer.MATCHED, "verdicts", [verdict_row(number) for number in (1, 2, 3)])
    told = obstacles(cdrs.select(CREDITED_COLUMNS), ())
    paid = reimbursements(cdrs, verdicts, Books(master(), vat_rates()), home_rates(), told).to_dicts()
    assert {row["cdr_key"]: (row["outcome"], row["review_reason"]) for row in paid} == {
        ORIGINAL: ("review", TAKEN_BACK),
        CREDIT: ("review", "a credit CDR is no session: nothing is refunded for it"),
        REPLACEMENT: ("billable", None),
    }
