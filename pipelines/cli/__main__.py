"""`python -m pipelines.cli` is the command `roamledger`."""

from pipelines.cli import main

main()
