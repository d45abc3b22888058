"""What a check finds: faults, and what it could not see."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Fault:
    """Something that would make the deployment fail.

    Attributes:
        cause: name of the cause, for programs.
        subject: the setting, the resource or the provider that it is about.
        value: what was found; empty where the subject says it all.
        rule: what Azure wants.
        remedy: what to do, with the command where there is one.
    """

    cause: str
    subject: str
    value: str
    rule: str
    remedy: str

    def __str__(self) -> str:
        value = f" is {self.value}" if self.value else ""
        return f"{self.subject}{value}: {self.rule}; {self.remedy}"


@dataclass(frozen=True)
class Unchecked:
    """Something that could not be seen.

    Attributes:
        subject: what was to be checked.
        reason: why it was not.
    """

    subject: str
    reason: str

    def __str__(self) -> str:
        return f"{self.subject}: {self.reason}"


Finding = Fault | Unchecked


@dataclass(frozen=True)
class CheckResult:
    """What one check came to.

    Attributes:
        check: name of the check.
        findings: its faults, and what it could not see.
        blind: whether it could look at nothing at all.
        essential: whether a deployment should not begin without it.
    """

    check: str
    findings: tuple[Finding, ...]
    blind: bool
    essential: bool

    @property
    def faults(self) -> list[Fault]:
        """The faults alone."""
        return [one for one in self.findings if isinstance(one, Fault)]

    @property
    def unchecked(self) -> list[Unchecked]:
        """What could not be seen."""
        return [one for one in self.findings if isinstance(one, Unchecked)]
