"""A preview's result in Markdown, for a job's summary or a comment of a pull request."""

import re

SUMMARY_BYTES = 900_000
"""GitHub takes a summary of 1 MiB.

Source: https://docs.github.com/actions/reference/workflows-and-actions/workflow-commands (step isolation and limits).
"""
COMMENT_BYTES = 60_000
"""GitHub takes a comment of 65,536 characters; the rest is for what is said around the preview."""


class StepError(Exception):
    """A step failed. The message names it; its output was printed."""


def preview_report(heading: str, introduction: str, exit_code: int, output: str, limit: int = SUMMARY_BYTES) -> str:
    """Return the result of a preview; of an output longer than `limit` bytes, its end.

    What was printed can say anything, and stays inside its block.
    """
    verdict = "can be deployed" if exit_code == 0 else "**cannot be deployed as it is**"
    output = _shortened(output.strip(), limit)
    longest = max((len(run) for run in re.findall("`+", output)), default=0)
    fence = "`" * max(3, longest + 1)
    return "\n".join([f"### {heading}", "", f"{introduction}: it {verdict}.", "", f"{fence}diff", output, fence, ""])


def _shortened(text: str, limit: int) -> str:
    """Return the end of a text that is too long: the summary of changes is there."""
    encoded = text.encode()
    if len(encoded) <= limit:
        return text
    return "... (the beginning is left out)\n" + encoded[-limit:].decode(errors="ignore")
