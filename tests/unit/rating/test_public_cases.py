"""The priced cases of public sources, where they lie beside the checkout, each at the tolerance that it states."""

import json
from decimal import Decimal
from pathlib import Path

import pytest

from models.types.money import rounded
from pipelines.lib.price_lines import as_json, price_lines

CASES = Path(__file__).parents[4] / "shared" / "ocpi-cases"
FILES = {"spec_examples": 83, "generated": 300, "tandemdrive": 12, "gireve_211": 5}

pytestmark = pytest.mark.skipif(not CASES.is_dir(), reason="the public cases do not lie beside this checkout")


def standard(row):
    return not row.get("superseded_by") and not row.get("non_standard")


def stated(expected):
    """List what a case states; null and missing are not stated."""
    for name, value in expected.items():
        if isinstance(value, dict):
            yield from (((name, f"{side}_vat"), figure) for side, figure in value.items() if figure is not None)
        elif name.startswith("billed"):
            yield (name,), value


def agrees(said, figure, tolerance):
    said, figure = Decimal(said), Decimal(figure)
    if tolerance == "0.02" or "+-0.0001" in tolerance:
        return abs(said - figure) <= Decimal("0.02" if tolerance == "0.02" else "0.0001")
    digits = {"2 dec": 2, "4 dec": 4, "exact": 4}.get(tolerance[:5], -figure.as_tuple().exponent)
    return rounded(said, digits) == rounded(figure, digits)


@pytest.mark.parametrize(("name", "count"), FILES.items())
def test_every_public_case_is_priced_as_stated(name, count):
    texts = [text for text in (CASES / f"{name}.jsonl").read_text().splitlines() if standard(json.loads(text))]
    assert len(texts) == count
    wrong = []
    for text, answer in zip(texts, price_lines(texts), strict=True):
        row, said = json.loads(text), as_json(answer)
        for path, figure in stated(row["expected_norm"]):
            value = said.get(path[0])
            value = value.get(path[1]) if len(path) > 1 and value else value
            if value is None or not agrees(value, figure, row["tolerance"]):
                wrong.append((row["id"], path, figure, value, said.get("error")))
    assert wrong == []
