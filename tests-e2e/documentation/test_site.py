"""The documentation as a site has every page, and each page has the structure that code hosts show."""

import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

from documentation.blocks import ROOT, pages
from tools.docs.site_pages import sources

PAGES = [name for name in sources() if name.endswith(".md")]
ELEMENTS = re.compile(r"<(h[1-6]|img|li|ol|pre|table|tr|ul)\b")


def _build(directory: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "mkdocs", "build", *options, "--site-dir", str(directory)]
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("site")
    done = _build(directory, "--config-file", "tools/docs/mkdocs.yml")
    assert done.returncode == 0, done.stderr
    return directory


def _html_of(site: Path, page: str) -> str:
    """Return a page's own text, without navigation and footer."""
    path = Path(page)
    html = site / (path.parent if path.name in ("README.md", "index.md") else path.with_suffix("")) / "index.html"
    return html.read_text(encoding="utf-8").partition("<article")[2].partition("</article>")[0]


def test_every_markdown_file_is_a_page() -> None:
    assert sorted(str(page.relative_to(ROOT)) for page in pages()) == PAGES


@pytest.mark.parametrize("page", PAGES)
def test_the_site_shows_what_code_hosts_show(site: Path, page: str) -> None:
    """MkDocs reads another dialect than CommonMark: a list without an empty line above it is no list there."""
    text = (ROOT / page).read_text(encoding="utf-8")
    common = MarkdownIt().enable("table").render(text)
    assert Counter(ELEMENTS.findall(_html_of(site, page))) == Counter(ELEMENTS.findall(common))


def test_pages_load_nothing_from_elsewhere(site: Path) -> None:
    loaded = re.compile(r'<(?:script|img|iframe)[^>]+src="https?:|<link[^>]+stylesheet[^>]+href="https?:')
    assert not [str(file) for file in site.rglob("*.html") if loaded.search(file.read_text(encoding="utf-8"))]


def test_a_broken_link_fails_the_build(tmp_path: Path) -> None:
    """The same configuration, on a page of its own."""
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "index.md").write_text("# Page\n\n[gone](gone.md), [no such part](index.md#gone)\n")
    (tmp_path / "mkdocs.yml").write_text(
        f"INHERIT: {ROOT}/tools/docs/mkdocs.yml\n"
        "docs_dir: docs\nsite_dir: site\nhooks: []\nwatch: []\nnav: [index.md]\n"
    )
    done = _build(tmp_path / "site", "--config-file", str(tmp_path / "mkdocs.yml"))
    assert done.returncode != 0
    assert "gone.md" in done.stderr
    assert "#gone" in done.stderr
