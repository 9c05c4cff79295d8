"""One module per command: what it says to the user; the work itself is in assets and `pipelines/lib`."""
