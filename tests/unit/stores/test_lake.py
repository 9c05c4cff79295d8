"""A partition of the lake is replaced whole, under its contract, or not at all."""

import io
from datetime import UTC, date, datetime

import pandera.errors
import polars as pl
import pytest

from models.schemas.registry import TABLES, Layer, table
from models.types.time import BillingMonth
from pipelines.lib.errors import UserError
from pipelines.lib.lake import Lake

CLOSES = table(Layer.LEDGER, "closes")


def closes(documents):
    row = {
        "billing_month": date(2026, 10, 1),
        "as_of": datetime(2026, 11, 5, tzinfo=UTC),
        "closed_at": datetime(2026, 11, 5, tzinfo=UTC),
        "inputs_sha256": "a" * 64,
        "outputs_sha256": "b" * 64,
        "documents": documents,
    }
    return pl.DataFrame([row], schema=CLOSES.schema)


def test_gives_back_what_was_written(tmp_path):
    lake = Lake(str(tmp_path / "lake"))
    lake.write(Layer.LEDGER, "closes", closes(3))
    assert lake.read(Layer.LEDGER, "closes").equals(closes(3))


def test_replaces_a_partition_whole_and_leaves_no_other_file(tmp_path):
    lake = Lake(str(tmp_path / "lake"))
    lake.write(Layer.LEDGER, "closes", closes(3))
    path = lake.write(Layer.LEDGER, "closes", closes(4))
    assert lake.read(Layer.LEDGER, "closes")["documents"].to_list() == [4]
    assert [str(file) for file in (tmp_path / "lake").rglob("*") if file.is_file()] == [path]


def test_a_frame_that_breaks_its_contract_replaces_nothing(tmp_path):
    lake = Lake(str(tmp_path / "lake"))
    lake.write(Layer.LEDGER, "closes", closes(3))
    with pytest.raises(pandera.errors.SchemaErrors):
        lake.write(Layer.LEDGER, "closes", closes(4).with_columns(inputs_sha256=pl.lit("")))
    assert lake.read(Layer.LEDGER, "closes")["documents"].to_list() == [3]


def test_what_was_never_written_is_an_empty_frame_of_the_contract(tmp_path):
    lake = Lake(str(tmp_path / "lake"))
    assert lake.read(Layer.TYPED, "cdrs", BillingMonth(2026, 10)).schema == table(Layer.TYPED, "cdrs").empty().schema
    assert lake.months(Layer.TYPED, "cdrs") == []


def test_the_same_frame_gives_the_same_bytes(tmp_path):
    first, second = Lake(str(tmp_path / "a")), Lake(str(tmp_path / "b"))
    paths = [lake.write(Layer.LEDGER, "closes", closes(3)) for lake in (first, second)]
    assert first.read_bytes(paths[0]) == second.read_bytes(paths[1])


@pytest.mark.parametrize("hand_over", TABLES, ids=lambda hand_over: f"{hand_over.layer}/{hand_over.name}")
def test_every_contract_names_its_grain_and_its_key(hand_over):
    assert (hand_over.contract.__doc__ or "").startswith("One row per ")
    assert set(hand_over.key) <= set(hand_over.schema)
    assert not hand_over.by_month or hand_over.schema["billing_month"] == pl.Date


def test_a_table_of_an_older_version_knows_nothing_of_newer_columns(tmp_path):
    lake = Lake(str(tmp_path / "lake"))
    disputes = table(Layer.LEDGER, "disputes")
    path = lake.path(Layer.LEDGER, "disputes")
    lake.write_bytes(path, _parquet(disputes.empty().drop("owed_excl_vat")))
    assert lake.read(Layer.LEDGER, "disputes").schema == disputes.empty().schema
    lake.write_bytes(path, _parquet(disputes.empty().drop("currency")))
    with pytest.raises(UserError, match=r"ledger/disputes was written by an older version and lacks currency: delete"):
        lake.read(Layer.LEDGER, "disputes")


def _parquet(frame):
    file = io.BytesIO()
    frame.write_parquet(file)
    return file.getvalue()
