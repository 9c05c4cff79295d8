"""From charges to numbered documents: pure, so that a close can be tried, repeated and proven.

The order is fixed (invoices by key, bills by key, statements by key) and so are the numbers that the documents get:
the same charges after the same last numbers give the same bytes.
"""

from collections.abc import Mapping, Sequence

from models.billing.bills import monthly_bill
from models.billing.documents import Document, Invoice, MonthlyBill, ReimbursementStatement
from models.billing.grouping import BillKey, InvoiceKey, bill_groups, invoice_groups
from models.billing.invoices import invoice
from models.billing.issue import Issue
from models.billing.numbering import Number, Numbers, bill_series, invoice_series, statement_series
from models.billing.parties import registration_of
from models.billing.records import Charge, Reimbursement
from models.billing.statements import statement, statement_groups


def assemble(
    charges: Sequence[Charge],
    reimbursements: Sequence[Reimbursement],
    last_numbers: Mapping[str, int],
    issue: Issue,
) -> tuple[Document, ...]:
    """Make all documents of a close: tax invoices, then the monthly bills over them, then the statements.

    Args:
        charges: billable charges that were never billed.
        reimbursements: billable reimbursements that were never stated.
        last_numbers: the last number given in each series.
        issue: the close.

    Raises:
        BillingProblem: when a fact is missing that no document can do without; nothing may be issued then.
    """
    numbers, groups = Numbers(last_numbers), invoice_groups(charges)
    bills = bill_groups(groups)
    bill_numbers = {key: numbers.take(bill_series(issue.issued_on.year)) for key in bills}
    invoices = {
        key: invoice(key, lines, numbers.take(_series(key, issue)), bill_numbers[key.bill].text, issue)
        for key, lines in groups.items()
    }
    return (
        *invoices.values(),
        *(_bill(key, bills[key], invoices, groups, bill_numbers[key], issue) for key in bills),
        *(
            statement(key, rows, numbers.take(statement_series(issue.issued_on.year)), issue)
            for key, rows in statement_groups(reimbursements).items()
        ),
    )


def billed_lines(document: Document) -> tuple[tuple[str, int], ...]:
    """Give what a document bills for good: pairs of charge id and line number."""
    match document:
        case Invoice():
            return tuple((line.charge_id, line.line_number) for line in document.lines)
        case MonthlyBill():
            return ()
        case ReimbursementStatement():
            return tuple((reimbursement_id(line.cdr_key), line.line_number) for line in document.lines)


def reimbursement_id(cdr_key: str) -> str:
    """Give the id under which a reimbursement is billed once; charges have their own, `S:` and `F:`."""
    return f"H:{cdr_key}"


def _series(key: InvoiceKey, issue: Issue) -> str:
    country = registration_of(key.legal_entity_id, key.seller_vat_id, issue.master).country
    return invoice_series(country, issue.issued_on.year)


def _bill(
    key: BillKey,
    invoice_keys: Sequence[InvoiceKey],
    invoices: Mapping[InvoiceKey, Invoice],
    groups: Mapping[InvoiceKey, Sequence[Charge]],
    number: Number,
    issue: Issue,
) -> Document:
    charges = [charge for invoice_key in invoice_keys for charge in groups[invoice_key]]
    return monthly_bill(key, [invoices[invoice_key] for invoice_key in invoice_keys], charges, number, issue)
