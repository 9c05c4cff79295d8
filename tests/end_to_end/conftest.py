"""Homes made by the real command line, over the sandbox's real HTTP servers."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

COMMAND = Path(sys.executable).with_name("roamledger")


@dataclass(frozen=True)
class Company:
    """A home and the command line that works on it."""

    home: Path
    now: str
    sessions: int
    seed: int

    def at(self, home):
        """The same company in another home."""
        return replace(self, home=home)

    def run(self, *arguments, check=True):
        """Run `roamledger` as a user would, in its own process."""
        environment = os.environ | {"ROAMLEDGER_HOME": str(self.home), "ROAMLEDGER_NOW": self.now, "COLUMNS": "160"}
        done = subprocess.run([COMMAND, *arguments], env=environment, capture_output=True, text=True, check=False)
        assert not check or done.returncode == 0, done.stdout + done.stderr
        return done

    def json(self, *arguments):
        """Run a command that answers in JSON."""
        return json.loads(self.run(*arguments).stdout)


@pytest.fixture(scope="session")
def company(tmp_path_factory):
    """A company after two months: pulled, closed, documented and published by `roamledger demo`."""
    home = tmp_path_factory.mktemp("company") / "home"
    company = Company(home, "2026-11-06T06:00:00Z", sessions=900, seed=7)
    done = company.run("demo", "--month", "2026-10", "--sessions", str(company.sessions), "--seed", str(company.seed))
    (home / "demo.txt").write_text(done.stdout + done.stderr)
    return company
