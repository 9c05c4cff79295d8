"""Pull and normalise homes in processes that die at the N-th thing they do, as if the power had failed there.

What costs time to import is imported once, and each pull is a fork of that state, so a kill costs no interpreter. The
intake itself is imported by the fork: once Polars has begun to compute, a fork of it hangs.

Lines of standard input are `HOME N`: after N things done (N = 0: never) the process kills itself with SIGKILL. Each is
answered with the process's exit status, negative for a signal; a process that came to its end writes the number of
things that it did into `HOME/things_done`.

A thing done is an answer received, a file about to be written, written beside its place, or in its place, or a
transaction of the register about to begin or committed.
"""

import os
import signal
import sys
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import pandera.polars  # noqa: F401 - for its time

from models.schemas.registry import TABLES  # noqa: F401 - as well
from pipelines.lib.lake import Lake
from pipelines.lib.ocpi_client import Transport
from pipelines.lib.register import Register
from pipelines.lib.settings import load_settings


class Fuse:
    """Counts things done and ends the process at the last one."""

    def __init__(self, most):
        self._most = most
        self._things = count(1)
        self.done = 0

    def burn(self):
        """Count one thing."""
        self.done = next(self._things)
        if self.done == self._most:
            os.kill(os.getpid(), signal.SIGKILL)

    def around(self, function, *, before):
        """Give a function that burns after each call, and before it as well where asked."""

        def burning(*arguments, **named):
            if before:
                self.burn()
            answer = function(*arguments, **named)
            self.burn()
            return answer

        return burning

    def lay(self):
        """Put the fuse everywhere."""
        transaction, replace = Register.transaction, Path.replace

        @contextmanager
        def burning_transaction(register):
            self.burn()
            with transaction(register) as tx:
                yield tx
            self.burn()

        def burning_replace(path, target):
            self.burn()
            return replace(path, target)

        Transport.once = self.around(Transport.once, before=False)
        Lake.write_bytes = self.around(Lake.write_bytes, before=True)
        Register.transaction = burning_transaction
        Path.replace = burning_replace


def run(home, most):
    """Pull and normalise a home under a fuse."""
    from pipelines.lib.intake.normalise import normalise  # noqa: PLC0415 - see above
    from pipelines.lib.intake.pull import pull  # noqa: PLC0415 - see above

    os.environ["ROAMLEDGER_HOME"] = home
    fuse = Fuse(most)
    fuse.lay()
    settings = load_settings()
    lake, register = Lake(settings.lake), Register(settings.register)
    report = pull(settings, lake, register)
    normalise(settings, lake)
    Path(home, "things_done").write_text(str(fuse.done))
    return 1 if report.failures else 0


def forked(home, most):
    """Run in a child; give its exit status."""
    child = os.fork()
    if child == 0:
        status = 2
        try:
            status = run(home, most)
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


if __name__ == "__main__":
    for line in sys.stdin:
        where, number = line.split()
        sys.stdout.write(f"{forked(where, int(number))}\n")
        sys.stdout.flush()
