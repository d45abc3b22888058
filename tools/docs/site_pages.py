"""A hook of MkDocs: its pages are the repository's Markdown files, by their paths from the repository's top.

So the relative links between files are those of the site, as they are: nothing rewrites them.
"""

import re
from pathlib import Path
from typing import cast

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

ROOT = Path(__file__).parents[2]
SOURCES = (
    "README.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    "bench/results.md",
    "docs/**/*.*",
    "packages/*/README.md",
    "packages/*/docs/**/*.*",
)
"""Patterns of the pages and pictures; the tests compare them with the tracked files."""
_FENCE_OF_AZURE = re.compile(r"(?m)^( *)```(?:sh )?azure$")


def sources() -> list[str]:
    """Return the paths of all pages and pictures from the repository's top, sorted."""
    return sorted({str(path.relative_to(ROOT)) for pattern in SOURCES for path in ROOT.glob(pattern)})


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Expand the patterns in the sections of the navigation: folders to which files are added often."""
    for entry in cast("list[str | dict[str, list[str]]]", config["nav"]):
        if isinstance(entry, dict):
            for title, patterns in entry.items():
                entry[title] = [page for pattern in patterns for page in _matching(pattern)]
    return config


def _matching(pattern: str) -> list[str]:
    return sorted(str(path.relative_to(ROOT)) for path in ROOT.glob(pattern)) if "*" in pattern else [pattern]


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Replace the files of ``docs_dir`` by the sources of the whole repository; the theme's files stay."""
    for file in [file for file in files if file.src_dir == config.docs_dir]:
        files.remove(file)
    for path in sources():
        files.append(File(path, str(ROOT), config.site_dir, config.use_directory_urls))
    return files


def on_page_markdown(markdown: str, **_: object) -> str:
    """Give blocks that need a subscription a title in place of the word that the tests read."""
    return _FENCE_OF_AZURE.sub(r'\1```sh title="On Azure"', markdown)
