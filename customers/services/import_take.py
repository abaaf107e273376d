"""What every kind of import hands back for a block of lines, and the ways of a block that they share."""

from dataclasses import dataclass, field
from datetime import datetime

from customers.services.import_fields import BadLine


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a file: where it stands, and its values by our field names, as text."""

    number: int
    values: dict[str, str]


@dataclass(frozen=True, slots=True)
class Refusal:
    line: int
    field: str
    reason: str
    remedy: str = ""

    @classmethod
    def of(cls, line: int, bad: BadLine) -> "Refusal":
        return cls(line, bad.field, bad.reason, bad.remedy)


@dataclass(frozen=True, slots=True)
class Brought:
    """Something new or changed; the columns of customers.models.ImportedRow."""

    what: str
    row_id: int | None = None
    customer_id: int | None = None
    at: datetime | None = None
    key: str = ""
    before: dict | None = None


@dataclass(slots=True)
class Taken:
    """What became of a block: taken + known + lines refused is what was handed in."""

    taken: int = 0
    known: int = 0
    refused: list[Refusal] = field(default_factory=list)
    brought: list[Brought] = field(default_factory=list)

    def refuse(self, line: int, bad: BadLine) -> None:
        self.refused.append(Refusal.of(line, bad))


@dataclass(frozen=True, slots=True)
class Way:
    """What all lines of an import have in common."""

    batch_id: int
    origin: str
    zone: str  # of times that name none
    network: str = ""
    currency: str = ""
    is_list: bool = False  # its people are kept together, whether they were known or not
