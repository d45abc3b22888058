"""Preview a stack on Azure and report the result: ``python -m tools.ci.preview_on_azure --stack dev``.

The preview keeps the deployed image unless another is named, for the stack's file may name one of long ago; where
nothing is deployed yet, the file's image is previewed. The result goes into the job's summary and, with ``--comment``,
into a file for a comment. Standard library only.
"""

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from tools.ci.report import COMMENT_BYTES, StepError, preview_report


def deployed_image(stack: str) -> str | None:
    """Return the image that a stack runs; ``None`` if nothing is deployed yet.

    Raises:
        StepError: if the stack cannot be read.
    """
    command = ["pulumi", "stack", "output", "--json", "--stack", stack]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
    if done.returncode != 0:
        raise StepError(f"`{' '.join(command)}` ended with exit code {done.returncode}: see the log")
    image = json.loads(done.stdout).get("image")
    return image if isinstance(image, str) else None


def preview(stack: str, image: str | None, policy_pack: str) -> tuple[int, str]:
    """Run ``pulumi preview``; return its exit code and what it printed. Secrets are masked by Pulumi."""
    command = ["pulumi", "preview", "--diff", "--color", "never", "--suppress-progress", "--non-interactive"]
    command += ["--stack", stack, "--policy-pack", policy_pack]
    if image:
        command += ["--config", f"image={image}"]
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    return done.returncode, done.stdout


def main(arguments: Sequence[str] | None = None) -> int:
    """Print what the preview printed, report it, and return its exit code; 1 when it did not come to that."""
    parser = argparse.ArgumentParser(prog="preview_on_azure", description="Previews a stack on Azure and reports it.")
    parser.add_argument("--stack", required=True, help="the stack")
    parser.add_argument("--image", help="the image to preview (default: the deployed one)")
    parser.add_argument("--policy-pack", default="policy", help="the policies (default: policy)")
    parser.add_argument("--comment", type=Path, help="file for the text of a comment")
    options = parser.parse_args(arguments)
    introduction = "Previewed with the image that is deployed"
    try:
        image: str | None = options.image
        if image:
            introduction = f"Previewed with the image `{image}`"
        else:
            image = deployed_image(options.stack)
            if not image:
                introduction = "Nothing is deployed yet; previewed with the image that the stack's file names"
        exit_code, output = preview(options.stack, image, options.policy_pack)
    except StepError as error:
        exit_code, output = 1, f"There is no preview: {error}"
    print(output, flush=True)
    heading = f"Preview of stack `{options.stack}`"
    if summary := os.environ.get("GITHUB_STEP_SUMMARY"):
        with Path(summary).open("a", encoding="utf-8") as file:
            file.write(preview_report(heading, introduction, exit_code, output))
    if options.comment:
        text = preview_report(heading, introduction, exit_code, output, COMMENT_BYTES)
        options.comment.write_text(text, encoding="utf-8")
    return exit_code


if __name__ == "__main__":
    sys.exit(main())
