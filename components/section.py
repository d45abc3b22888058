"""What every section of the settings has in common: its form, and how a wrong value is reported."""

from collections.abc import Iterator
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel


@dataclass(frozen=True)
class Fault:
    """One wrong setting, in one line.

    Attributes:
        setting: path of the setting as it is written in the stack file, such as ``redis.sku``.
        value: the value found there, as it may be shown; ``None`` where there is none to show.
        rule: what the value breaks.
        remedy: what to write instead.
        also: paths of further settings the rule looked at; where one of them is wrong itself, this fault is not
            reported, for it may only follow from the other.
    """

    setting: str
    value: object
    rule: str
    remedy: str
    also: tuple[str, ...] = ()

    def __str__(self) -> str:
        shown = "" if self.value is None else f" = {self.value!r}"
        # The name of a setting may hold anything, even the end of a line.
        return " ".join(f"{self.setting}{shown}: {self.rule}; {self.remedy}".splitlines())


class Section(BaseModel):
    """A group of settings: camelCase in the stack file, snake_case here, unknown keys refused, unchangeable."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        validate_by_alias=True,
        validate_by_name=True,
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
    )

    def faults(self, at: str) -> Iterator[Fault]:
        """Yield what breaks a rule that no single field can tell; ``at`` is this section's path."""
        yield from ()
