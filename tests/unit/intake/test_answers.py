"""Where an answer says that the next page is, in the many ways in which peers write a `Link`."""

import httpx
import pytest

from pipelines.lib.ocpi_client.answers import next_link

NEXT = "https://peer.example/cdrs?offset=2&limit=2"
LINKS = [
    f'<{NEXT}>; rel="next"',
    f"<{NEXT}>; rel=next",
    f'<{NEXT}>;rel="next"',
    f'<{NEXT}>; rel="next"; title="more"',
    f'<https://peer.example/>; rel="first", <{NEXT}>; rel="next"',
    f'<{NEXT}>; rel="next", <https://peer.example/>; rel="last"',
    f'{NEXT}; rel="next"',
    f'<{NEXT}, {NEXT}>; rel="next"',
]


@pytest.mark.parametrize("link", LINKS)
def test_the_short_way_reads_a_link_as_httpx_does(link):
    assert next_link({"link": link}) == httpx.Response(200, headers={"link": link}).links["next"]["url"]


@pytest.mark.parametrize("link", ["", "nonsense", "<>", f'<{NEXT}>; rel="prev"', f"<{NEXT}>", f"<{NEXT}ü>; rel=next"])
def test_what_is_no_link_to_the_next_page_is_none(link):
    assert next_link({"link": link}) is None


def test_no_link_is_none():
    assert next_link({"x-limit": "2"}) is None
