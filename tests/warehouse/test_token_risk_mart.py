"""Tokens at risk in the warehouse: with names for finance, under pseudonyms for analysts."""

import duckdb


def test_only_tokens_with_a_signal_are_reported_with_their_reasons(ask):
    (row,) = ask("select * from rpt_token_risks")
    assert (row["token_uid"], row["score"], row["recommended_action"]) == ("04FFEEDDCCBBAA", 60, "block")
    assert (row["signal_ids"], row["account_id"]) == ("T02,T03", "ACC-ALPEN")
    assert row["reasons"] == "T02 overlapping sessions: card 04FFEEDDCCBBAA,T03 x"


def test_analysts_see_the_score_and_not_the_token(published):
    with duckdb.connect(str(published[1].published.analytics), read_only=True) as con:
        (row,) = con.sql("select * from rpt_token_risks").pl().to_dicts()
    assert (row["score"], row["not_checked"]) == (60, "1 of 5 days of history")
    assert len(row["token_uid"]) == len(row["contract_id"]) == 16
    assert "reasons" not in row
