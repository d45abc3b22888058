"""The preflight's command line: ``python -m doctor.preflight --stack STACK``."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from doctor import cloud
from doctor.client import Client
from doctor.errors import CannotLookError
from doctor.preflight import checks, plan, report, subscription
from doctor.preflight.findings import CheckResult
from doctor.preflight.look import Look
from doctor.preflight.progress import said_when_slow

READY, FAULTS, COULD_NOT_LOOK = 0, 1, 3
"""Exit codes; 2 is that of a wrong command line."""

_EPILOG = """\
It previews the stack, so it needs what `pulumi preview` needs, and asks Azure as whoever DefaultAzureCredential finds
(`az login`, a service principal, a managed identity): the same as deploys. It changes nothing and prints no secret.

exit codes: 0 no fault was found, 1 faults were found, 3 something that it must see could not be seen
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Look, report, and return the exit code."""
    options = _parser().parse_args(arguments)
    try:
        planned, results = _look(options.stack, options.config)
    except CannotLookError as error:
        print(f"error: {error}", file=sys.stderr)
        return COULD_NOT_LOOK
    except KeyboardInterrupt:
        return 130
    print(report.as_json(results, planned) if options.json else report.as_lines(results, planned))
    return exit_code(results)


def exit_code(results: Sequence[CheckResult]) -> int:
    """Return what the command ends with."""
    if any(one.faults for one in results):
        return FAULTS
    return COULD_NOT_LOOK if any(one.blind and one.essential for one in results) else READY


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m doctor.preflight",
        description="Finds what would make a deployment fail, before it begins: one line for each fault, with its "
        "remedy.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--stack", "-s", required=True, help="the stack, as in `pulumi up --stack`")
    parser.add_argument(
        "--config",
        "-c",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="a setting for this look, as in `pulumi up --config`; may be repeated",
    )
    parser.add_argument("--json", action="store_true", help="as JSON")
    return parser


def _look(stack: str, configuration: Sequence[str]) -> tuple[plan.Plan, Sequence[CheckResult]]:
    where = cloud.find(os.environ)
    client = Client(where, cloud.credential(where, os.environ))
    with said_when_slow("signing in"):
        client.sign_in()
    with said_when_slow(f"previewing {stack}"):
        planned = plan.read(stack, Path.cwd(), configuration)
    with said_when_slow("asking Azure"):
        look = Look(client, planned, subscription.find(planned, client, os.environ))
        return planned, checks.run(look)


if __name__ == "__main__":
    sys.exit(main())
