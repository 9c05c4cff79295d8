"""Say in one line what the machine lacks before anything is installed; run by `make setup` with the system's Python."""

import ctypes.util
import sys

if not (3, 11) <= sys.version_info[:2] < (3, 14):
    sys.exit(f"Roamledger needs Python 3.11 to 3.13, this is {sys.version.split()[0]}: try make PYTHON=python3.12 ...")
if not (ctypes.util.find_library("pango-1.0") and ctypes.util.find_library("pangoft2-1.0")):
    sys.exit(
        "Pango is missing (WeasyPrint draws the PDFs with it): "
        "sudo apt-get install libpango-1.0-0 libpangoft2-1.0-0 (Debian, Ubuntu) or brew install pango (macOS)"
    )
