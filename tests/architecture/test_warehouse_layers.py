"""The rules of the dbt project, held over its manifest: layers, grain, keys, contracts, vocabularies, dialect."""

import json
import re

import pytest

from models.schemas.registry import TABLES, table
from models.types import intake_codes, vocabularies
from pipelines.lib.dbt import PROJECT, manifest_file

MAY_READ = {
    "staging": {"source"},
    "intermediate": {"staging", "intermediate"},
    "fct": {"staging", "intermediate"},
    "dim": {"staging", "intermediate"},
    "rpt": {"fct", "dim", "intermediate"},
}
NOT_PORTABLE = {
    "ASOF join": r"\basof\b",
    "list literal": r"(?<![\w\]])\[",
    "division": r"(?<!/)/(?!/)",
    "qualify": r"\bqualify\b",
    "double": r"\b(double|float|real)\b|\d[eE]\d",
}
"""what Spark would read otherwise, or what would leave exact decimals"""
VOCABULARY_OF = {
    ("fct_cdrs", "verdict"): vocabularies.Verdict,
    ("fct_cdrs", "charge_outcome"): vocabularies.ChargeOutcome,
    ("fct_charges", "kind"): vocabularies.ChargeKind,
    ("fct_charges", "outcome"): vocabularies.ChargeOutcome,
    ("fct_charges", "supply_kind"): vocabularies.SupplyKind,
    ("fct_charges", "current_type"): vocabularies.CurrentType,
    ("fct_charges", "vat_case"): vocabularies.VatCase,
    ("fct_charges", "vat_category"): vocabularies.VatCategory,
    ("fct_findings", "severity"): vocabularies.Severity,
    ("fct_disputes", "state"): vocabularies.CaseStatus,
    ("fct_dispute_events", "kind"): vocabularies.DisputeEventKind,
    ("fct_protocol_violations", "code"): intake_codes.ViolationCode,
    ("fct_tariff_lint", "code"): intake_codes.LintCode,
    ("fct_tariff_lint", "severity"): intake_codes.LintSeverity,
    ("fct_invoice_vat", "vat_category"): vocabularies.VatCategory,
    ("fct_reimbursements", "basis"): vocabularies.ReimbursementBasis,
    ("fct_reimbursements", "outcome"): vocabularies.ChargeOutcome,
    ("dim_customers", "account_kind"): vocabularies.AccountKind,
    ("dim_plans", "fee_basis"): vocabularies.FeeBasis,
    ("rpt_quarantine", "outcome"): vocabularies.RecordOutcome,
    ("rpt_token_risks", "recommended_action"): vocabularies.TokenAction,
}
PERSONAL = {
    "token_uid", "contract_id", "account_id", "account_name", "driver_id", "driver_name", "vehicle_id", "plate",
    "buyer_vat_id", "actor", "meter_id", "charge_id", "message", "reason", "review_reason", "payment_reference",
}  # fmt: skip
"""columns that name a person, or may: none leaves the finance file as it is"""


@pytest.fixture(scope="module")
def manifest():
    return json.loads(manifest_file().read_text())


@pytest.fixture(scope="module")
def models(manifest):
    return {node["name"]: node for node in manifest["nodes"].values() if node["resource_type"] == "model"}


@pytest.fixture(scope="module")
def tests(manifest):
    return [node for node in manifest["nodes"].values() if node["resource_type"] == "test"]


def layer(unique_id):
    """Tell the layer from a node's id: model.roamledger.fct_cdrs, source.roamledger.typed.cdrs."""
    kind, _, name, *_ = unique_id.split(".")
    if kind == "source":
        return "source"
    return {"stg": "staging", "int": "intermediate"}.get(name.split("_")[0], name.split("_")[0])


def test_each_layer_reads_only_what_it_may(models):
    wrong = [
        f"{name} reads {read}"
        for name, model in models.items()
        for read in model["depends_on"]["nodes"]
        if layer(read) not in MAY_READ[layer(model["unique_id"])]
    ]
    assert wrong == []


def test_every_table_of_the_lake_is_a_source_and_nothing_else(manifest):
    declared = {(source["source_name"], source["name"]) for source in manifest["sources"].values()}
    assert declared == {(str(hand_over.layer), hand_over.name) for hand_over in TABLES}


def test_tables_by_month_are_read_whole_and_without_their_folder_names(manifest):
    for source in manifest["sources"].values():
        location = source["config"]["meta"]["external_location"]
        by_month = table(source["source_name"], source["name"]).by_month
        assert ("*" in location and "hive_partitioning = false" in location) == by_month, source["name"]


def test_staging_names_every_column_of_its_contract_but_what_no_analysis_needs_of_a_person(models):
    left_out = {}
    for model in (m for m in models.values() if layer(m["unique_id"]) == "staging"):
        (source,) = model["depends_on"]["nodes"]
        _, _, source_layer, name = source.split(".")
        columns = re.findall(r"^    (\w+),?$", model["raw_code"], flags=re.MULTILINE)
        contract = list(table(source_layer, name).schema)
        assert [c for c in contract if c in columns] == columns, model["name"]
        if missing := set(contract) - set(columns):
            left_out[name] = missing
    assert left_out == {
        "accounts": {"street", "postal_code", "city", "email"},
        "drivers": {"street", "postal_code", "city", "country", "iban"},
        "records": {"record_json", "reason"},
    }


def test_every_model_says_its_grain(models):
    for name, model in models.items():
        meta = model["config"]["meta"]
        assert model["description"].startswith("One row per "), name
        assert model["description"].startswith(meta["grain"]), name
        assert set(meta["grain_key"]) <= set(model["columns"]) or layer(model["unique_id"]) != "fct", name


def test_every_grain_is_tested(models, tests):
    tested = set()
    for test in tests:
        metadata = test.get("test_metadata") or {}
        owner = (test.get("attached_node") or "").split(".")[-1]
        if metadata.get("name") == "unique":
            tested.add((owner, (metadata["kwargs"]["column_name"],)))
        elif metadata.get("name") == "unique_combination":
            tested.add((owner, tuple(metadata["kwargs"]["columns"])))
    missing = [n for n, model in models.items() if (n, tuple(model["config"]["meta"]["grain_key"])) not in tested]
    assert missing == []


def test_marts_are_tables_under_contract_with_every_column_described(models):
    for name, model in models.items():
        if layer(model["unique_id"]) in {"fct", "dim", "rpt"}:
            assert model["config"]["materialized"] == "table", name
            assert model["config"]["contract"]["enforced"], name
            assert all(c["description"] and c["data_type"] for c in model["columns"].values()), name


def test_accepted_values_are_the_vocabularies(tests):
    found = {
        (test["attached_node"].split(".")[-1], test["test_metadata"]["kwargs"]["column_name"]): test["test_metadata"][
            "kwargs"
        ]["values"]
        for test in tests
        if (test.get("test_metadata") or {}).get("name") == "accepted_values"
    }
    assert found == {key: [str(word) for word in vocabulary] for key, vocabulary in VOCABULARY_OF.items()}


def test_no_personal_column_reaches_analysts_as_it_is(models):
    unguarded = [
        f"{name}.{column}"
        for name, model in models.items()
        if model["schema"] == "main"
        for column, said in model["columns"].items()
        if column in PERSONAL and said["config"]["meta"].get("privacy") not in {"pseudonymise", "drop"}
    ]
    assert unguarded == []


@pytest.mark.parametrize("what", NOT_PORTABLE)
def test_models_stay_portable_and_exact(models, what):
    found = [
        name
        for name, model in models.items()
        if re.search(NOT_PORTABLE[what], re.sub(r"--.*|\{\{.*?\}\}|'[^']*'", "", model["raw_code"]), re.IGNORECASE)
    ]
    assert found == []


def test_no_foreign_packages_and_no_snapshots(manifest):
    assert not (PROJECT / "packages.yml").exists()
    assert not [node for node in manifest["nodes"].values() if node["resource_type"] == "snapshot"]


def test_every_model_has_a_yml_of_its_name(models):
    for model in models.values():
        path = PROJECT / model["original_file_path"]
        assert path.with_suffix(".yml").exists(), model["name"]
        assert model["patch_path"].endswith(f"{model['name']}.yml")
