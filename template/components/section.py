"""Base class of the sections of the settings, and the fault that reports a wrong value."""

from collections.abc import Iterator
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel


@dataclass(frozen=True)
class Fault:
    """One wrong setting, in one line.

    Attributes:
        setting: path of the setting as it is written in the stack file, such as ``redis.sku``.
        value: the value, if it may be shown; ``None``: show none.
        rule: the rule that the value breaks.
        remedy: what to write instead.
        also: paths of other settings that the rule depends on; if one of them is wrong itself, this fault is not
            reported, because it may only be a consequence.
    """

    setting: str
    value: object
    rule: str
    remedy: str
    also: tuple[str, ...] = ()

    def __str__(self) -> str:
        shown = "" if self.value is None else f" = {self.value!r}"
        # The name of a setting may contain anything, even a line break.
        return " ".join(f"{self.setting}{shown}: {self.rule}; {self.remedy}".splitlines())


class Section(BaseModel):
    """A group of settings: camelCase in the stack file, snake_case here, unknown keys are refused, immutable."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        validate_by_alias=True,
        validate_by_name=True,
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
    )

    def faults(self, at: str) -> Iterator[Fault]:
        """Yield violations of rules that involve several fields; ``at`` is this section's path."""
        yield from ()
