"""Whatever is checked first and however often: what stands approved of a CDR and its credits is what is owed."""

from datetime import UTC, datetime
from decimal import Decimal
from itertools import product

import pytest

from models.reconciliation.cpo_invoices.check import Books, check_lines
from models.reconciliation.cpo_invoices.invoice import CpoInvoice, InvoiceLine
from models.reconciliation.cpo_invoices.totals import add_up
from pipelines.lib.register import Register
from pipelines.lib.register.cpo_invoices import InvoiceCheck, approved_cdrs, record_check
from tests.unit.cpo_invoices.invoice_world import CPO, InvoiceWorld, outcomes

NOW = datetime(2026, 11, 9, 8, tzinfo=UTC)


class Desk:
    """A register in which invoices of a world are checked."""

    def __init__(self, folder):
        self.register = Register(f"sqlite:///{folder}/register.sqlite")
        self.world, self.cases = InvoiceWorld(), []

    def check(self, invoice_id, *lines):
        """Check an invoice of these lines (id, amount); give the result and whether it says anything new."""
        read = tuple(InvoiceLine(number, name, Decimal(amount)) for number, (name, amount) in enumerate(lines, 1))
        invoice, known = CpoInvoice(invoice_id, read), self.world.books(cases=self.cases)
        with self.register.transaction() as tx:
            books = Books(known.cdrs, known.verdicts, approved_cdrs(tx), known.cases)
            result = add_up(invoice, check_lines(invoice.frame(), CPO, invoice_id, books))
            _, is_new = record_check(tx, InvoiceCheck(CPO, invoice_id, "f" * 64, "ada", NOW), result)
        return result, is_new

    def paid(self, *names):
        """Give what stands approved of these CDRs, under whichever invoice."""
        with self.register.reading() as tx:
            rows = approved_cdrs(tx).iter_rows()
        keys = {f"{CPO}*{name}".upper() for name in names}
        return sum((amount for key, _, amount, _ in rows if key in keys and amount is not None), Decimal(0))


@pytest.fixture
def desk(tmp_path):
    return Desk(tmp_path)


# Of a CDR of 26.37: its verdict, its case before and after the credit came (is live, owed, owed after credits), the
# credit, the replacement, and what is owed of all three in the end.
STORIES = {
    "disputed in part, credited and replaced": (
        *("accept", (True, "20.10", "20.10"), (False, "26.37", "0.00"), "-26.37", "20.10"),
        "20.10",
    ),
    "disputed in part, credited by that part": (
        *("accept", (True, "20.10", "20.10"), (False, "26.37", "20.10"), "-6.27", None),
        "20.10",
    ),
    "disputed by 10.00, credited by 6.27, the rest still in dispute": (
        *("hold", (True, "16.37", "16.37"), (True, "22.64", "16.37"), "-6.27", None),
        "16.37",
    ),
    "disputed as a whole, and credited": (
        *("reject", (True, "0.00", "0.00"), (False, "26.37", "0.00"), "-26.37", None),
        "0.00",
    ),
    "never disputed, credited and replaced": ("accept", None, None, "-26.37", "20.10", "20.10"),
    "never disputed, credited in part": ("accept", None, None, "-6.27", None, "20.10"),
    "not judged, credited and replaced": (None, None, None, "-26.37", "20.10", "20.10"),
}
ORDERS = [
    (order, loaded)
    for order in product("12", repeat=3)
    for loaded in range(3)
    if "1" in order and "2" in order[loaded:]
]
"""which invoice is checked when, and before which check the credit comes; orders of two are their beginnings"""


@pytest.mark.parametrize("story", STORIES)
def test_in_every_order_what_is_paid_is_what_is_owed(desk, story):
    """From the check on that carries the credit, and when the original was invoiced at all, the sum is what is owed."""
    verdict, before, after, credit, replacement, owed = STORIES[story]
    for number, (order, loaded) in enumerate(ORDERS):
        first, second, new = f"O{number}", f"O{number}-C", f"O{number}-R"
        desk.world, desk.cases = InvoiceWorld(), [(first, *before)] if before else []
        desk.world.cdr(first, "26.37", verdict)
        replaced = [(new, replacement)] if replacement else []
        for at, which in enumerate(order):
            if at == loaded:
                desk.cases = [(first, *after)] if after else []
                desk.world.cdr(second, credit, is_credit=True, credit_reference_id=first)
                for name, amount in replaced:
                    desk.world.cdr(name, amount)
            lines = [(first, "26.37")] if which == "1" else [(second, credit), *replaced]
            desk.check(f"INV{number}-{which}", *lines)
            if "1" in order[: at + 1] and "2" in order[loaded : at + 1]:
                assert desk.paid(first, second, new) == Decimal(owed), (order, loaded, at)


def test_a_credit_on_a_later_invoice_frees_what_was_withheld(desk):
    desk.world.cdr("C13", "26.37")
    desk.cases = [("C13", True, "20.10")]
    first, _ = desk.check("INV1", ("C13", "26.37"))
    assert first.to_pay_now == {"EUR": Decimal("20.10")}
    desk.world.cdr("C13-C", "-26.37", is_credit=True, credit_reference_id="C13")
    desk.world.cdr("C113", "20.10")
    desk.cases = [("C13", False, "26.37", "0.00")]
    second, _ = desk.check("INV2", ("C13-C", "-26.37"), ("C113", "20.10"))
    (moved,) = second.settled_elsewhere.to_dicts()
    assert second.totals[0].payable_excl_vat == Decimal("-6.27")
    assert (moved["cdr_key"], moved["approved_under"], moved["to_pay_now_excl_vat"]) == (
        *("DE*LDW*C13", "INV1"),
        Decimal("6.27"),
    )
    assert second.to_pay_now == {"EUR": Decimal("0.00")}
    again, _ = desk.check("INV1", ("C13", "26.37"))
    (line,) = again.lines.filter(line_number=1).to_dicts()
    assert (line["outcome"], line["payable_excl_vat"], line["disputed_excl_vat"]) == ("matched", Decimal("26.37"), 0)
    assert (line["approved_before_excl_vat"], line["to_pay_now_excl_vat"]) == (Decimal("26.37"), 0)
    assert desk.paid("C13", "C13-C", "C113") == Decimal("20.10")
    once_more, is_new = desk.check("INV2", ("C13-C", "-26.37"), ("C113", "20.10"))
    assert (once_more.to_pay_now, is_new) == ({"EUR": Decimal("0.00")}, False)


def test_a_credit_that_no_invoice_carries_leaves_the_rest_payable(desk):
    desk.world.cdr("C13-P", "-6.27", is_credit=True, credit_reference_id="C13")
    desk.world.cdr("C13", "26.37")
    result, _ = desk.check("INV1", ("C13", "26.37"))
    (line,) = result.lines.filter(line_number=1).to_dicts()
    assert (line["outcome"], line["payable_excl_vat"]) == ("credited", Decimal("20.10"))
    assert line["disputed_excl_vat"] == Decimal("6.27")
    assert line["reason"] == (
        "of 26.37 EUR, 6.27 is taken back by credit CDR DE*LDW*C13-P, which no invoice carries yet"
    )
    net, _ = desk.check("INV1", ("C13", "20.10"))
    assert (outcomes(net)[1], net.totals[0].payable_excl_vat, net.is_clean) == ("matched", Decimal("20.10"), True)


def test_a_credit_dropped_from_its_invoice_takes_back_what_it_freed(desk):
    desk.world.cdr("C13", "26.37")
    desk.world.cdr("C13-C", "-26.37", is_credit=True, credit_reference_id="C13")
    desk.check("INV1", ("C13", "26.37"))
    desk.check("INV2", ("C13-C", "-26.37"), ("C1", "10.00"))
    assert desk.paid("C13") == Decimal("26.37")
    result, _ = desk.check("INV2", ("C1", "10.00"))
    told = {row["outcome"]: row["to_pay_now_excl_vat"] for row in result.lines.to_dicts() if not row["line_number"]}
    assert told["no_longer_invoiced"] == Decimal("26.37")
    assert told["settled_elsewhere"] == Decimal("-26.37")
    assert desk.paid("C13", "C13-C") == 0


def test_the_rest_of_a_dispute_that_was_lost_is_payable_on_a_new_invoice(desk):
    desk.world.cdr("C13", "26.37")
    desk.cases = [("C13", True, "20.10")]
    desk.check("INV1", ("C13", "26.37"))
    desk.cases = [("C13", False, "26.37")]
    third, _ = desk.check("INV3", ("C13", "6.27"))
    (line,) = third.lines.filter(line_number=1).to_dicts()
    assert (line["outcome"], line["payable_excl_vat"], line["to_pay_now_excl_vat"]) == (
        "matched",
        *2 * (Decimal("6.27"),),
    )
    assert (line["approved_elsewhere_excl_vat"], line["approved_under"]) == (Decimal("20.10"), "INV1")
    assert line["reason"] == "the rest of 26.37 EUR: 20.10 is approved under invoice INV1"
    again, _ = desk.check("INV1", ("C13", "26.37"))
    (line,) = again.lines.filter(line_number=1).to_dicts()
    assert (line["payable_excl_vat"], line["disputed_excl_vat"]) == (Decimal("20.10"), Decimal("6.27"))
    assert (line["approved_before_excl_vat"], line["to_pay_now_excl_vat"]) == (Decimal("20.10"), 0)
    assert line["reason"] == "asks 26.37 EUR: of 26.37 owed, 6.27 is approved under invoice INV3"
    assert desk.paid("C13") == Decimal("26.37")


def test_a_new_invoice_gets_no_more_than_the_rest(desk):
    desk.world.cdr("C13", "26.37")
    desk.cases = [("C13", True, "20.10")]
    desk.check("INV1", ("C13", "26.37"))
    waiting, _ = desk.check("INV3", ("C13", "6.27"))
    assert outcomes(waiting)[1] == "already_invoiced"
    assert waiting.disputed["reason"].to_list() == [
        "in dispute: the undisputed 20.10 is approved under invoice INV1, the rest waits"
    ]
    desk.cases = [("C13", False, "26.37")]
    result, _ = desk.check("INV3", ("C13", "26.37"))
    (line,) = result.lines.filter(line_number=1).to_dicts()
    assert (line["outcome"], line["payable_excl_vat"], line["disputed_excl_vat"]) == (
        *("different_amount", Decimal("6.27")),
        Decimal("20.10"),
    )
    assert desk.paid("C13") == Decimal("26.37")


def test_a_check_after_the_dispute_tells_what_was_approved_before_it(desk):
    desk.world.cdr("C13", "26.37")
    desk.cases = [("C13", True, "20.10")]
    desk.check("INV1", ("C13", "26.37"), ("C1", "10.00"))
    desk.cases = [("C13", False, "26.37")]
    result, _ = desk.check("INV1", ("C13", "26.37"), ("C1", "10.00"))
    (total,) = result.totals
    assert (total.payable_excl_vat, total.approved_before_excl_vat, total.to_pay_now_excl_vat) == (
        *(Decimal("36.37"), Decimal("30.10")),
        Decimal("6.27"),
    )
    assert result.to_pay_now == {"EUR": Decimal("6.27")}
    late, _ = desk.check("INV3", ("C13", "6.27"))
    assert (outcomes(late)[1], late.totals[0].payable_excl_vat) == ("already_invoiced", 0)


def test_a_double_credit_that_is_held_is_not_deducted(desk):
    desk.world.cdr("C13", "26.37")
    desk.world.cdr("C13-C", "-26.37", is_credit=True, credit_reference_id="C13")
    desk.world.cdr("C13-D", "-26.37", "hold", is_credit=True, credit_reference_id="C13")
    desk.cases = [("C13-D", True, "0.00")]
    desk.check("INV1", ("C13", "26.37"))
    desk.check("INV2", ("C13-C", "-26.37"))
    result, _ = desk.check("INV6", ("C13-D", "-26.37"))
    (line,) = result.lines.filter(line_number=1).to_dicts()
    assert (line["outcome"], line["payable_excl_vat"], line["disputed_excl_vat"]) == (
        *("held", Decimal("0.00")),
        Decimal("-26.37"),
    )
    assert (result.to_pay_now, desk.paid("C13", "C13-C", "C13-D")) == ({"EUR": Decimal("0.00")}, 0)


@pytest.mark.parametrize(
    ("asked", "payable", "disputed"),
    [("-26.37", "-20.00", "-6.37"), ("-15.00", "-15.00", "0.00"), ("5.00", "0.00", "5.00")],
)
def test_of_two_credits_the_smaller_is_deducted(desk, asked, payable, disputed):
    desk.world.cdr("C2-C", "-20.00", is_credit=True, credit_reference_id="C2")
    result, _ = desk.check("INV1", ("C2-C", asked))
    (line,) = result.lines.filter(line_number=1).to_dicts()
    assert (line["payable_excl_vat"], line["disputed_excl_vat"]) == (Decimal(payable), Decimal(disputed))


def test_a_line_below_zero_turns_no_claim_around(desk):
    result, _ = desk.check("INV1", ("C2", "-20.00"))
    (line,) = result.lines.filter(line_number=1).to_dicts()
    assert (line["outcome"], line["payable_excl_vat"], line["disputed_excl_vat"]) == ("different_amount", 0, -20)
