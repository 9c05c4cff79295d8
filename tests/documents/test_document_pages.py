"""The four documents as pages: what they say, that they say every figure, and that nothing breaks them."""

import io
import time
from datetime import date
from decimal import Decimal

import msgspec
import pypdf
import pytest

from models.types.vocabularies import ChargeKind
from reports.formats import Formats
from reports.labels import labels_for
from reports.payment import InvalidAccountError
from reports.pdf import ForeignResourceError, make_pdf, write_pdf
from reports.render import RenderContext, render_html

CONTEXT = RenderContext(content_sha256="0123456789abcdef" * 4)
NAMES = ("monthly_bill", "consumer_invoice", "fleet_invoice", "reimbursement_statement", "danish_invoice")
PAGES = {
    "monthly_bill": 1,
    "consumer_invoice": 2,
    "fleet_invoice": 5,
    "reimbursement_statement": 2,
    "danish_invoice": 2,
}


@pytest.fixture(scope="module")
def pages(documents):
    """HTML and PDF of one of each."""
    html = {name: render_html(document, CONTEXT) for name, document in documents.items()}
    return {name: (page, make_pdf(page)) for name, page in html.items()}


def text_of(pdf: bytes) -> str:
    return "\n".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(pdf)).pages)


def plain(text: str) -> str:
    """Text without the spaces that layout adds or takes away."""
    return "".join(text.split())


def decimals_of(value: object):
    if isinstance(value, Decimal):
        yield value
    elif isinstance(value, dict):
        for each in value.values():
            yield from decimals_of(each)
    elif isinstance(value, (list, tuple)):
        for each in value:
            yield from decimals_of(each)


@pytest.mark.parametrize("name", NAMES)
def test_the_text_of_each_document(name, pages, snapshot):
    assert text_of(pages[name][1].content) == snapshot


@pytest.mark.parametrize("name", NAMES)
def test_the_html_of_each_document(name, pages, snapshot):
    assert pages[name][0] == snapshot


@pytest.mark.parametrize("name", NAMES)
def test_every_figure_of_the_content_stands_on_the_page(name, documents, pages):
    document, text = documents[name], plain(text_of(pages[name][1].content))
    formats = Formats(labels_for(document.language).locale)
    content = msgspec.to_builtins(document, builtin_types=(Decimal, date))
    content.pop("weeks")  # drawn, not written
    lines = content.get("lines", [])
    for line in lines:
        for price in line.get("price_lines", []):
            if price["unit"] == "h":
                price.pop("volume")  # written as a duration: 1:20 h
        if line.get("vat_category") == "AE":
            line.pop("vat_rate_pct")
    for figure in set(decimals_of(content)):
        written = {formats.amount(figure), formats.energy(figure), formats.percent(figure), formats.number(figure)}
        assert any(plain(form) in text for form in written), figure


@pytest.mark.parametrize("name", NAMES)
def test_pdf_metadata_page_count_and_embedded_fonts(name, documents, pages):
    document, pdf = documents[name], pages[name][1]
    reader = pypdf.PdfReader(io.BytesIO(pdf.content))
    assert len(reader.pages) == pdf.pages == PAGES[name]
    assert document.document_number in reader.metadata.title
    assert reader.metadata.author == "Nordstern Mobility GmbH"
    assert reader.metadata.creation_date.date() == document.issued_on
    assert reader.trailer["/Root"]["/Lang"] == document.language
    assert b"pdfaid" in reader.xmp_metadata.stream.get_data()
    fonts = [font.get_object() for page in reader.pages for font in page["/Resources"]["/Font"].values()]
    families = {font["/BaseFont"].split("+")[-1] for font in fonts}
    assert families
    assert all("Inter" in family for family in families)
    for font in fonts:
        descriptor = font["/DescendantFonts"][0].get_object()["/FontDescriptor"]
        assert "/FontFile3" in descriptor or "/FontFile2" in descriptor


@pytest.mark.parametrize("name", NAMES)
def test_the_same_page_gives_the_same_bytes(name, pages):
    html, pdf = pages[name]
    assert write_pdf(html) == pdf.content


def test_another_content_hash_gives_another_file(documents):
    document = documents["danish_invoice"]
    other = RenderContext(content_sha256="f" * 64)
    assert write_pdf(render_html(document, other)) != write_pdf(render_html(document, CONTEXT))


def test_markup_in_a_name_is_text(build):
    customer = msgspec.structs.replace(build["consumer_invoice"]().customer, name="<b>x</b> & Söhne")
    html = render_html(msgspec.structs.replace(build["danish_invoice"](), customer=customer), CONTEXT)
    assert "&lt;b&gt;x&lt;/b&gt; &amp; Söhne" in html
    assert "<b>x</b> & Söhne" in text_of(write_pdf(html))


@pytest.mark.parametrize(
    "address",
    ["https://example.com/pixel.png", "http://127.0.0.1:1/style.css", "file:///etc/hostname", "../pyproject.toml",
     "file:///etc/passwd.svg", "data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg'/>"],
)  # fmt: skip
def test_a_page_that_asks_for_anything_outside_the_package_is_refused(address):
    with pytest.raises(ForeignResourceError, match="may only use files of the package"):
        write_pdf(f'<p>before</p><img src="{address}">')


def test_a_foreign_stylesheet_is_refused():
    with pytest.raises(ForeignResourceError):
        write_pdf('<link rel="stylesheet" href="https://example.com/style.css"><p>text</p>')


def test_an_account_with_wrong_check_digits_is_never_printed(build):
    bill = build["monthly_bill"]()
    account = msgspec.structs.replace(bill.payment.account, iban="DE00370400440532013000")
    wrong = msgspec.structs.replace(bill, payment=msgspec.structs.replace(bill.payment, account=account))
    with pytest.raises(InvalidAccountError, match="IBAN DE00370400440532013000 of Nordstern Mobility GmbH"):
        render_html(wrong, CONTEXT)


@pytest.mark.parametrize(("currency", "amount"), [("DKK", "100.00"), ("EUR", "0.00")])
def test_a_bill_without_euros_to_pay_has_no_payment_code(build, currency, amount):
    bill = build["monthly_bill"]()
    payment = msgspec.structs.replace(bill.payment, currency=currency, amount=Decimal(amount))
    assert 'class="pay-qr"' in render_html(bill, CONTEXT)
    assert 'class="pay-qr"' not in render_html(msgspec.structs.replace(bill, payment=payment), CONTEXT)


def test_long_names_stay_within_the_page(build):
    long = "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft" * 2
    invoice = build["fleet_invoice"](6, 2)
    customer = msgspec.structs.replace(invoice.customer, name=long, street=long, city=long)
    vehicles = tuple(msgspec.structs.replace(each, driver_name=long, model=long) for each in invoice.vehicles)
    strange = msgspec.structs.replace(invoice, customer=customer, vehicles=vehicles)
    reader = pypdf.PdfReader(io.BytesIO(write_pdf(render_html(strange, CONTEXT))))
    width = float(reader.pages[0].mediabox.width)
    starts = []

    def visit(text, _page_matrix, text_matrix, _font, _size):
        if text.strip():
            starts.append(text_matrix[4] * 0.75)  # CSS pixels to points

    for page in reader.pages:
        page.extract_text(visitor_text=visit)
    assert 400 < max(starts) < width - 60
    assert plain(long) in plain(text_of(write_pdf(render_html(strange, CONTEXT))))


def test_an_issuer_without_a_logo_signs_with_its_name(build):
    seller = msgspec.structs.replace(build["danish_invoice"]().seller, name="Südstern Mobilität AG")
    html = render_html(msgspec.structs.replace(build["danish_invoice"](), seller=seller), CONTEXT)
    assert '<p class="logo-name">Südstern Mobilität AG</p>' in html
    assert "<img" not in html


def test_a_fleet_invoice_of_400_lines_names_each_once_repeats_its_heads_and_takes_linear_time(build):
    seconds, pdfs = {}, {}
    for count in (50, 400):
        invoice = build["fleet_invoice"](count, 10)
        html = render_html(invoice, CONTEXT)
        began = time.process_time()
        pdfs[count] = make_pdf(html)
        seconds[count] = time.process_time() - began
    assert seconds[400] < 16 * seconds[50]
    texts = [page.extract_text() for page in pypdf.PdfReader(io.BytesIO(pdfs[400].content)).pages]
    supplies = sum(line.kind is ChargeKind.SESSION for line in invoice.lines)
    assert sum(text.count("Energie ") for text in texts) >= supplies == 400
    assert all("Netto EUR" in text for text in texts[2:])
    for number, text in enumerate(texts, start=1):
        assert f"Pagina{number}van{len(texts)}" in plain(text)
