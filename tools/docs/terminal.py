"""Run a command and draw a picture of a terminal with its output.

    python -m tools.docs.terminal docs/pictures/make-up.svg -- make up

The lines are the command's own; long ones are cut at the edge, and of many the first and the last are kept. The
directory it is run in is written as a dot, because the project's path is private.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree

COLUMNS = 132
LINES = 44
_CHARACTER_WIDTH, _LINE_HEIGHT, _MARGIN, _BAR = 7.25, 17, 16, 30
_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b[()][A-Z0-9]")
_STYLE = """
text { font: 12px ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; fill: #d8dee9; white-space: pre }
.prompt { fill: #a3be8c }
.left-out { fill: #7b8494 }
"""


def shown(output: str, *, columns: int = COLUMNS, lines: int = LINES) -> list[str]:
    """Return the lines of the picture: without control sequences, empty runs shortened, cut to the terminal's size."""
    kept: list[str] = []
    for line in _ESCAPES.sub("", output).splitlines():
        text = line.rsplit("\r", 1)[-1].rstrip()
        if text or (kept and kept[-1]):
            kept.append(text if len(text) <= columns else f"{text[: columns - 1]}…")
    while kept and not kept[-1]:
        kept.pop()
    if len(kept) > lines:
        head = lines // 4
        kept = [*kept[:head], f"  ... {len(kept) - lines + 1} lines ...", *kept[head - lines + 1 :]]
    return kept


def draw(command: Sequence[str], lines: Sequence[str]) -> str:
    """Return an SVG document of a terminal with a command and what it printed."""
    width = COLUMNS * _CHARACTER_WIDTH + 2 * _MARGIN
    height = _BAR + (len(lines) + 1) * _LINE_HEIGHT + 2 * _MARGIN
    size = {"width": f"{width:g}", "height": f"{height:g}", "viewBox": f"0 0 {width:g} {height:g}"}
    root = ElementTree.Element("svg", {"xmlns": "http://www.w3.org/2000/svg", "role": "img", **size})
    ElementTree.SubElement(root, "title").text = f"What {' '.join(command)} prints"
    ElementTree.SubElement(root, "style").text = _STYLE
    ElementTree.SubElement(root, "rect", {"width": f"{width:g}", "height": f"{height:g}", "rx": "8", "fill": "#2b303b"})
    for number, colour in enumerate(("#bf616a", "#ebcb8b", "#a3be8c")):
        place = {"cx": f"{_MARGIN + 6 + 18 * number}", "cy": f"{_BAR / 2 + 3:g}", "r": "5.5", "fill": colour}
        ElementTree.SubElement(root, "circle", place)
    for number, line in enumerate((f"$ {' '.join(command)}", *lines)):
        y = _BAR + _MARGIN + number * _LINE_HEIGHT + 8
        kind = "prompt" if number == 0 else "left-out" if line.startswith("  ... ") else ""
        place = {"x": f"{_MARGIN}", "y": f"{y:g}", "xml:space": "preserve", **({"class": kind} if kind else {})}
        ElementTree.SubElement(root, "text", place).text = line
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode") + "\n"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command, draw what it printed; return the command's exit code."""
    parser = argparse.ArgumentParser(prog="python -m tools.docs.terminal", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("target", type=Path, help="the SVG file to write")
    parser.add_argument("command", nargs="+", metavar="COMMAND", help="after --")
    options = parser.parse_args(arguments)
    done = subprocess.run(options.command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    output = done.stdout.replace(str(Path.cwd()), ".")
    options.target.write_text(draw(options.command, shown(output)), encoding="utf-8")
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
