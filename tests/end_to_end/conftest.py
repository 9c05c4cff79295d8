"""Homes made by the real command line, over the sandbox's real HTTP servers."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

COMMAND = Path(sys.executable).with_name("roamledger")


@dataclass(frozen=True)
class Company:
    """A home and the command line that works on it."""

    home: Path
    now: str

    def run(self, *arguments, check=True):
        """Run `roamledger` as a user would, in its own process."""
        environment = os.environ | {"ROAMLEDGER_HOME": str(self.home), "ROAMLEDGER_NOW": self.now, "COLUMNS": "160"}
        done = subprocess.run([COMMAND, *arguments], env=environment, capture_output=True, text=True, check=False)
        assert not check or done.returncode == 0, done.stdout + done.stderr
        return done

    def json(self, *arguments, check=True):
        """Run a command that answers in JSON."""
        return json.loads(self.run(*arguments, check=check).stdout)


@pytest.fixture(scope="session")
def company(tmp_path_factory):
    """A company after two months: pulled, closed, documented and published by `roamledger demo`."""
    company = Company(tmp_path_factory.mktemp("company") / "home", "2026-11-06T06:00:00Z")
    done = company.run("demo", "--month", "2026-10", "--sessions", "900", "--seed", "7")
    (company.home / "demo.txt").write_text(done.stdout)
    return company
