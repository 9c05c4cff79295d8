"""What other parties wrote cannot command the terminal of who reads it."""

from io import StringIO

import pytest
from rich.table import Table
from rich.text import Text

from pipelines.lib.terminal import Terminal


def printed(what):
    file = StringIO()
    Terminal(file=file, width=100, force_terminal=True, color_system=None).print(what)
    return file.getvalue()


@pytest.mark.parametrize("hostile", ["\x1b]0;owned\x07", "\x1b[2J", "\x9b31m", "\u202e00.21", "\x00"])
def test_a_hostile_id_is_shown_and_not_obeyed(hostile):
    table = Table("case")
    table.add_row(Text(f"DE*LDW*{hostile}C1"))
    for told in (printed(table), printed(Text(f"DE*LDW*{hostile}C1")), printed(f"DE*LDW*{hostile}C1")):
        assert all(sign.isprintable() or sign == "\n" for sign in told)
        assert "DE*LDW*" in told


def test_what_is_harmless_stays_as_it_is():
    assert printed("Łódź 12,50\u00a0€\n\ttwo") == "Łódź 12,50 €\n        two\n"


def test_the_consoles_of_the_commands_are_such_terminals():
    from pipelines.cli.shared import complaints, console  # noqa: PLC0415 - its width is set when it is imported

    assert isinstance(console, Terminal)
    assert isinstance(complaints, Terminal)
