"""Money: integer minor units and an ISO 4217 code, never a float (facts/money-safety.md section 1)."""

from dataclasses import dataclass
from decimal import Context, Decimal, Inexact, InvalidOperation
from typing import Self

BASIS_POINTS = 10_000
"""One whole, in basis points."""

_ZERO_DECIMAL = frozenset(
    [
        "bif",
        "clp",
        "djf",
        "gnf",
        "jpy",
        "kmf",
        "krw",
        "mga",
        "pyg",
        "rwf",
        "ugx",
        "vnd",
        "vuv",
        "xaf",
        "xof",
        "xpf",
    ],
)
_THREE_DECIMAL = frozenset(["bhd", "jod", "kwd", "omr", "tnd"])
_CODE_LENGTH = 3
_LARGEST_MINOR = 2**63 - 1
"""What a `bigint` holds."""
_EXACT = Context(prec=60, traps=[Inexact, InvalidOperation])


def minor_unit_exponent(currency: str) -> int:
    """How many decimals the currency has as Stripe counts them: 0, 2 or 3."""
    code = currency.lower()
    if code in _ZERO_DECIMAL:
        return 0
    return 3 if code in _THREE_DECIMAL else 2


def share_of(amount_minor: int, rate_bp: int) -> int:
    """The part of an amount, in minor units, rounded half up: the one rounding rule of Opside.

    The SQL function `share_of` of stripe-payments computes the same.

    Raises:
        ValueError: the amount or the rate is negative, or the rate is above 10,000 basis points.
    """
    if amount_minor < 0 or not 0 <= rate_bp <= BASIS_POINTS:
        raise ValueError(f"no share of {amount_minor} at {rate_bp} basis points")
    return (amount_minor * rate_bp + BASIS_POINTS // 2) // BASIS_POINTS


@dataclass(frozen=True, slots=True)
class Money:
    """An amount in minor units of one currency (lower-case ISO 4217)."""

    amount_minor: int
    currency: str

    def __post_init__(self) -> None:
        if len(self.currency) != _CODE_LENGTH or not self.currency.isascii():
            raise ValueError(f"not a currency code: {self.currency!r}")
        if self.currency != self.currency.lower():
            raise ValueError(f"currency codes are kept in lower case: {self.currency!r}")

    @classmethod
    def from_decimal(cls, amount: Decimal | str, currency: str) -> Self:
        """Exact conversion from major units.

        Raises:
            ValueError: not a finite number, larger than a `bigint`, or finer than the smallest unit.
        """
        try:
            scaled = Decimal(amount).scaleb(minor_unit_exponent(currency), _EXACT)
            whole = int(scaled) if abs(scaled) <= _LARGEST_MINOR else None
        except (ArithmeticError, ValueError) as error:
            raise ValueError(f"not an amount: {amount!r}") from error
        if whole is None:
            raise ValueError(f"not an amount: {amount!r}")
        if whole != scaled:
            raise ValueError(f"{amount} is finer than the smallest unit of {currency}")
        return cls(whole, currency.lower())

    def to_decimal(self) -> Decimal:
        """The amount in major units, exact, with all decimals of the currency."""
        return Decimal(self.amount_minor).scaleb(-minor_unit_exponent(self.currency))

    def __add__(self, other: Self) -> Self:
        return type(self)(self.amount_minor + self._same(other), self.currency)

    def __sub__(self, other: Self) -> Self:
        return type(self)(self.amount_minor - self._same(other), self.currency)

    def __neg__(self) -> Self:
        return type(self)(-self.amount_minor, self.currency)

    def __lt__(self, other: Self) -> bool:
        return self.amount_minor < self._same(other)

    def __le__(self, other: Self) -> bool:
        return self.amount_minor <= self._same(other)

    def __str__(self) -> str:
        return f"{self.to_decimal()} {self.currency.upper()}"

    def _same(self, other: Self) -> int:
        if other.currency != self.currency:
            raise ValueError(f"{self.currency} and {other.currency} do not mix")
        return other.amount_minor
