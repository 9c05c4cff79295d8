"""Pulling alone, over HTTP from a server in another process that has every page ready.

`pull_pages` is a whole pull of one connection: versions, pages, counts, raw store, register. `bare_httpx` is the
baseline: one httpx client that fetches the same pages and drops them.
"""

from __future__ import annotations

import multiprocessing
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import parse_qs

from tests.benchmarks.memory import spare
from tests.benchmarks.timing import Stage, timed

SIZES = (100_000,)
PAGE = 200
"""records on a page, the connection's default"""


def _pages(cdrs: int) -> list[bytes]:
    """Encode the pages of a list, each record of its own."""
    from tests.unit.intake.little_peer import cdr, envelope

    return [
        envelope([cdr(number) for number in range(first, min(first + PAGE, cdrs))]) for first in range(0, cdrs, PAGE)
    ]


def _serve(cdrs: int, listening: socket.socket, ready: Callable[[], None]) -> None:
    """Serve the list as a peer of OCPI 2.2.1 does: with Link, X-Total-Count and X-Limit."""
    import uvicorn

    pages, (host, port) = _pages(cdrs), listening.getsockname()
    base = f"http://{host}:{port}"
    endpoint = f'{{"identifier": "cdrs", "role": "SENDER", "url": "{base}/cdrs"}}'
    answers = {
        "/versions": f'{{"data": [{{"version": "2.2.1", "url": "{base}/details"}}], "status_code": 1000}}'.encode(),
        "/details": f'{{"data": {{"version": "2.2.1", "endpoints": [{endpoint}]}}, "status_code": 1000}}'.encode(),
    }

    def list_answer(query: str) -> tuple[bytes, list[tuple[bytes, bytes]]]:
        asked = parse_qs(query)
        offset = int(asked["offset"][0])
        following = f'<{base}/cdrs?date_to={asked["date_to"][0]}&offset={offset + PAGE}&limit={PAGE}>; rel="next"'
        link = [(b"link", following.encode())] if offset + PAGE < cdrs else []
        return pages[offset // PAGE], [(b"x-total-count", str(cdrs).encode()), (b"x-limit", b"200"), *link]

    async def app(scope, _receive, send) -> None:
        if scope["type"] != "http":
            return
        known = answers.get(scope["path"])
        content, headers = (known, []) if known else list_answer(scope["query_string"].decode())
        length = (b"content-length", str(len(content)).encode())
        await send({"type": "http.response.start", "status": 200, "headers": [length, *headers]})
        await send({"type": "http.response.body", "body": content})

    ready()
    uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="off")).run(sockets=[listening])


@contextmanager
def _server(cdrs: int) -> Iterator[str]:
    """Run the server in a process of its own; give its base URL once every page is encoded."""
    context = multiprocessing.get_context("fork")
    ready = context.Event()
    with socket.create_server(("127.0.0.1", 0)) as listening:
        process = context.Process(target=_serve, args=(cdrs, listening, ready.set), daemon=True)
        process.start()
        spare(process.pid or 0)
        ready.wait()
        try:
            yield "http://{}:{}".format(*listening.getsockname())
        finally:
            process.terminate()
            process.join()


def pull_pages(_folder: Path, cdrs: int) -> Stage:
    """Pull a list over HTTP into raw pages, counted, hashed, compressed and recorded."""
    with _server(cdrs) as base:
        from pipelines.lib.intake.pull import pull
        from pipelines.lib.lake import Lake
        from pipelines.lib.register import Register
        from pipelines.lib.settings import Connection, load_settings

        os.environ["BENCH_TOKEN"] = "token-of-the-benchmark"
        connection = Connection(
            connection_id="bench", kind="cpo", versions_url=f"{base}/versions", token_env="BENCH_TOKEN", page_limit=PAGE
        )
        settings = load_settings().model_copy(update={"connections": (connection,)})
        lake, register = Lake(settings.lake), Register(settings.register)

        def work() -> int:
            report = pull(settings, lake, register, modules=["cdrs"])
            if report.failures or report.records != cdrs:
                message = f"the pull fell short: {report}"
                raise AssertionError(message)
            return report.records

        return timed(work, "CDRs")


def bare_httpx(_folder: Path, cdrs: int) -> Stage:
    """Fetch the same pages with one client, one after the other, and drop them."""
    with _server(cdrs) as base:
        import httpx

        def work() -> int:
            with httpx.Client() as client:
                for offset in range(0, cdrs, PAGE):
                    client.get(
                        f"{base}/cdrs?date_to=2026-11-05T05:00:00Z&offset={offset}&limit={PAGE}"
                    ).raise_for_status()
            return cdrs

        return timed(work, "CDRs")


STAGES: dict[str, Callable[[Path, int], Stage]] = {"pull_pages": pull_pages}
BASELINES = {"pull_pages": "bare_httpx"}
HIDDEN = {"bare_httpx": bare_httpx}
