"""Generate the template of `pulumi new`: ``python -m tools.template [DIRECTORY]`` (default: ``template``).

The template is this repository's program with what an adopter owns and edits. The emulator and the doctor are
requirements there, and nothing of the sample is in it. `files/` holds what differs from this repository's own files.
``--check`` writes nothing and exits with 1 if the directory is not what would be generated.
"""

import argparse
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
FILES = Path(__file__).parent / "files"
COPIED = (
    ".github",
    "__main__.py",
    "components",
    "local",
    "policy",
    "requirements-local.txt",
    "requirements.in",
    "requirements.txt",
    "settings.py",
    "tests/unit",
    "tools/ci",
    "tools/environment.py",
    "tools/requirements-uv.in",
    "tools/requirements-uv.txt",
)
"""Files and folders of this repository that a project gets as they are, unless `files/` has one at the same path."""
LEFT_OUT = (".github/workflows/image.yml", "policy/tests")
"""Content of these folders that is not copied."""
SECTION = Path(__file__).parent / "template.yaml"
_IGNORED = frozenset({"__pycache__", ".pytest_cache", ".ruff_cache", ".hypothesis", ".venv"})


def generate(directory: Path) -> None:
    """Write the template into a directory; what is there before is deleted.

    Raises:
        ValueError: if a file of this repository has changed so that the template's cannot be made from it.
    """
    if directory.exists():
        shutil.rmtree(directory)
    for name in COPIED:
        for path in _files(ROOT / name):
            relative = path.relative_to(ROOT)
            if not any(relative.is_relative_to(one) for one in LEFT_OUT):
                _copy(path, directory / relative)
    for path in _files(FILES):
        _copy(path, directory / path.relative_to(FILES))
    (directory / "Pulumi.yaml").write_text(_project((ROOT / "Pulumi.yaml").read_text(encoding="utf-8")))
    workflow = directory / ".github/workflows/deploy.yml"
    workflow.write_text(_deploy(workflow.read_text(encoding="utf-8")), encoding="utf-8")


def differences(made: Path, directory: Path) -> list[str]:
    """Return the paths, relative to both, of files that differ or that only one of two directories has."""
    names = {path.relative_to(one) for one in (made, directory) for path in _files(one)}
    return sorted(str(name) for name in names if _content(made / name) != _content(directory / name))


def _content(path: Path) -> tuple[bytes, bool] | None:
    """Return the content of a file, and whether it is executable; None if there is none."""
    return (path.read_bytes(), bool(path.stat().st_mode & 0o100)) if path.is_file() else None


def _files(path: Path) -> Iterator[Path]:
    """Yield a file, or the files in a folder, without what tools leave there."""
    if path.is_file():
        yield path
    elif path.is_dir():
        for one in sorted(path.iterdir()):
            if one.name not in _IGNORED:
                yield from _files(one)


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(source, target)


def _project(text: str) -> str:
    """Return the project file with the placeholders of `pulumi new` as name and description."""
    project = yaml.safe_load(text)
    project |= {"name": "${PROJECT}", "description": "${DESCRIPTION}", "template": yaml.safe_load(SECTION.read_text())}
    return yaml.safe_dump(project, sort_keys=False, width=120)


_IMAGE_JOB = """\
  # The image that was named by hand, else that of dev's stack file. It is deployed to dev, and the same then to prod.
  image:
    name: Choose the image
    if: github.ref == 'refs/heads/main' && vars.AZURE_SUBSCRIPTION_ID != ''
    runs-on: ubuntu-24.04
    timeout-minutes: 5
    permissions:
      contents: read
    outputs:
      image: ${{ steps.image.outputs.image }}
    steps:
      - uses: @CHECKOUT@
        with:
          persist-credentials: false
      - name: Choose
        id: image
        env:
          IMAGE: ${{ inputs.image }}
        run: |
          image=${IMAGE:-$(sed -n 's/^ *\\([^ ]*:\\)\\{0,1\\}image: *//p' Pulumi.dev.yaml | tr -d '"')}
          if [ -z "$image" ]; then
            echo "::error::Pulumi.dev.yaml names no image: pulumi config set image REGISTRY/NAME:TAG --stack dev"
            exit 1
          fi
          echo "image=$image" >> "$GITHUB_OUTPUT"

"""
_IMAGE_INPUT = """\
      image:
        description: The image to deploy, by tag or digest (default, that of Pulumi.dev.yaml)
        type: string
        default: ""
"""
_HEAD = """\
# What is on main goes to dev, and on to prod when somebody approves (the environment's required reviewers), with prod's
# preview in the run's summary. The image is that of Pulumi.dev.yaml; start it by hand to name another.
#
"""


def _deploy(text: str) -> str:
    """Return the workflow that deploys, with an image that is named instead of one that is built.

    Raises:
        ValueError: if the workflow no longer has the places that change.
    """
    checkout = re.search(r"uses: (actions/checkout@\S+ # \S+)", text)
    if checkout is None:
        raise ValueError("deploy.yml checks out nothing")
    head = re.compile(r"\A(?:# .+\n)+#\n")
    inputs = re.compile(r"^    inputs:\n", re.MULTILINE)
    job = re.compile(r"^  image:\n(?:    .*\n|\n)+", re.MULTILINE)
    for pattern, replacement in (
        (head, _HEAD),
        (inputs, f"    inputs:\n{_IMAGE_INPUT}"),
        (job, _IMAGE_JOB.replace("@CHECKOUT@", checkout[1])),
    ):
        text, count = pattern.subn(lambda _, new=replacement: new, text)
        if count != 1:
            raise ValueError(f"deploy.yml has {count} places like {pattern.pattern!r}, not one")
    return text


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return its exit code."""
    parser = argparse.ArgumentParser(prog="python -m tools.template", description=__doc__)
    parser.add_argument(
        "directory", type=Path, nargs="?", default=ROOT / "template", help="default: template"
    )
    parser.add_argument("--check", action="store_true", help="only compare the directory with a fresh generation")
    options = parser.parse_args(arguments)
    if not options.check:
        generate(options.directory)
        return 0
    with tempfile.TemporaryDirectory() as temporary:
        made = Path(temporary) / "template"
        generate(made)
        stale = differences(made, options.directory)
    for name in stale:
        print(f"{options.directory.name}/{name} is not what is generated: make template", file=sys.stderr)
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
