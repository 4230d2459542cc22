"""Who takes part: the sandbox's personas and what each of them is in Opside."""

from dataclasses import dataclass

FEE_ONLY = "fee_only"
GROSS = "gross"


@dataclass(frozen=True, slots=True)
class Person:
    """One persona of the Amazon sandbox. `collection`: how his fees are collected."""

    persona: str
    name: str
    role: str = "seller"
    collection: str = FEE_ONLY

    @property
    def email(self) -> str:
        """As Amazon tells it."""
        domain = "opside.example" if self.role == "admin" else "example.com"
        return f"{self.persona}@{domain}"


ADA = Person("ada", "Ada")
BEN = Person("ben", "Ben", collection=GROSS)
CLEO = Person("cleo", "Cleo")
DORA = Person("dora", "Dora")
OLGA = Person("olga", "Olga", role="admin")
SELLERS = (ADA, BEN, CLEO)
