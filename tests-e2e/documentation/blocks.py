"""Every block of code in the project's pages: its place, and what is done with it."""

import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from markdown_it import MarkdownIt

ROOT = Path(__file__).parents[2]
EXECUTED = "sh"
AZURE = "azure"
"""Marks what needs a subscription: the fence reads `sh azure`, for the sake of the colours, or `azure`."""
TEMPLATE = ("template/", "tools/template/files/")
"""Where the pages of a project that `pulumi new` makes are; tests-e2e/template is about those."""
NO_COMMANDS = frozenset({"diff", "dockerfile", "ini", "json", "mermaid", "python", "text", "toml", "yaml"})


@dataclass(frozen=True)
class Block:
    """A fenced block.

    Attributes:
        file: its page, from the project's top.
        line: of the opening fence.
        words: what the fence says after the backticks.
        text: its content.
    """

    file: str
    line: int
    words: tuple[str, ...]
    text: str

    @property
    def is_azure(self) -> bool:
        return AZURE in self.words

    @property
    def is_executed(self) -> bool:
        return self.words == (EXECUTED,)

    @property
    def is_known(self) -> bool:
        """Return whether the fence says what is to be done with the block."""
        return (
            self.is_executed
            or self.words in ((AZURE,), (EXECUTED, AZURE))
            or self.words[:1] in {(word,) for word in NO_COMMANDS}
        )

    @property
    def title(self) -> str | None:
        """The name of the file that the block shows: the fence reads, for example, `python title="__main__.py"`."""
        titles = [word.removeprefix("title=").strip('"') for word in self.words if word.startswith("title=")]
        return titles[0] if titles else None

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


def pages() -> list[Path]:
    """Return the Markdown files of the project that is tracked, or new and not ignored."""
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "*.md"], cwd=ROOT, capture_output=True, text=True
    )
    # Without git, as in an unpacked archive, those of the usual folders.
    names = [name for name in listed.stdout.split() if not name.startswith(TEMPLATE)]
    found = [ROOT / name for name in names] or [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]
    return sorted(path for path in found if path.exists())


def blocks() -> list[Block]:
    """Return all fenced blocks, in the order of files and lines."""
    return [block for page in pages() for block in _blocks_of(page)]


def _blocks_of(page: Path) -> Iterator[Block]:
    for token in MarkdownIt().parse(page.read_text(encoding="utf-8")):
        if token.type == "fence":
            assert token.map is not None
            yield Block(str(page.relative_to(ROOT)), token.map[0] + 1, tuple(token.info.split()), token.content)


def indented() -> list[str]:
    """Where pages have blocks of code that are indented and not fenced, so that nothing says what they are."""
    return [
        f"{page.relative_to(ROOT)}:{token.map[0] + 1}"
        for page in pages()
        for token in MarkdownIt().parse(page.read_text(encoding="utf-8"))
        if token.type == "code_block" and token.map
    ]


def links() -> Iterator[tuple[Path, str]]:
    """Yield the files that pages link to or show, with the page; anchors taken off, addresses left out."""
    for page in pages():
        for token in MarkdownIt().enable("table").parse(page.read_text(encoding="utf-8")):
            for child in token.children or ():
                target = str(child.attrs.get("href") or child.attrs.get("src") or "").split("#")[0]
                if target and "://" not in target and not target.startswith("mailto:"):
                    yield page, target
