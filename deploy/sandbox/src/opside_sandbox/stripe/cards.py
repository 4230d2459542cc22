"""Stripe's test cards: what each number and each `pm_card_*` name does."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Decline:
    """Why a bank says no. `advice` is Stripe's `advice_code`."""

    code: str
    decline_code: str
    message: str
    advice: str | None = None
    network_code: str | None = None


@dataclass(frozen=True, slots=True)
class DisputeKind:
    """Why the holder of a test card disputes its charges; an inquiry takes no money yet."""

    reason: str
    network_code: str
    inquiry: bool = False


@dataclass(frozen=True, slots=True)
class TestCard:
    """One number. `risk` is Radar's level; `highest` is blocked before the bank is asked.

    sca: `never`; `unless_set_up` (a completed SetupIntent spares later charges); `always`;
    `set_up_already` (asks on session only).
    """

    number: str
    names: tuple[str, ...]
    brand: str = "visa"
    decline: Decline | None = None
    attaches: bool = True
    sca: str = "never"
    refund: str = "at_once"
    settles_at_once: bool = False
    dispute: DisputeKind | None = None
    risk: str = "normal"

    @property
    def last4(self) -> str:
        """The digits that everybody may see."""
        return self.number[-4:]


AUTHENTICATION_REQUIRED = Decline(
    "authentication_required",
    "authentication_required",
    "Your card was declined. This transaction requires authentication.",
)
_GENERIC = Decline(
    "card_declined", "generic_decline", "Your card was declined.", "try_again_later", "01"
)
_NO_FUNDS = Decline(
    "card_declined",
    "insufficient_funds",
    "Your card has insufficient funds.",
    "try_again_later",
    "51",
)
_LOST = Decline("card_declined", "lost_card", "Your card was declined.", "do_not_try_again", "41")
_STOLEN = Decline(
    "card_declined", "stolen_card", "Your card was declined.", "do_not_try_again", "43"
)
_EXPIRED = Decline(
    "expired_card", "expired_card", "Your card has expired.", "confirm_card_data", "54"
)
_CVC = Decline(
    "incorrect_cvc",
    "incorrect_cvc",
    "Your card's security code is incorrect.",
    "confirm_card_data",
    "82",
)
_PROCESSING = Decline(
    "processing_error",
    "processing_error",
    "An error occurred while processing your card. Try again in a little bit.",
    "try_again_later",
)
_VELOCITY = Decline(
    "card_declined",
    "card_velocity_exceeded",
    "Your card was declined for making repeated attempts too frequently or exceeding its "
    "amount limit.",
    "try_again_later",
)
_FRAUD = Decline("card_declined", "fraudulent", "Your card was declined.", "do_not_try_again")


def _declined(number: str, decline: Decline, *names: str) -> TestCard:
    """The common decline cards cannot even be attached to a customer."""
    return TestCard(number, names, decline=decline, attaches=False)


CARDS = (
    TestCard("4242424242424242", ("pm_card_visa", "pm_card_us")),
    TestCard("4000056655665556", ("pm_card_visa_debit",)),
    TestCard("5555555555554444", ("pm_card_mastercard",), "mastercard"),
    TestCard("378282246310005", ("pm_card_amex",), "amex"),
    TestCard("6011111111111117", ("pm_card_discover",), "discover"),
    _declined(
        "4000000000000002", _GENERIC, "pm_card_chargeDeclined", "pm_card_visa_chargeDeclined"
    ),
    _declined(
        "4000000000009995",
        _NO_FUNDS,
        "pm_card_chargeDeclinedInsufficientFunds",
        "pm_card_visa_chargeDeclinedInsufficientFunds",
    ),
    _declined("4000000000009987", _LOST, "pm_card_visa_chargeDeclinedLostCard"),
    _declined("4000000000009979", _STOLEN, "pm_card_visa_chargeDeclinedStolenCard"),
    _declined(
        "4000000000000069",
        _EXPIRED,
        "pm_card_chargeDeclinedExpiredCard",
        "pm_card_visa_chargeDeclinedExpiredCard",
    ),
    _declined(
        "4000000000000127",
        _CVC,
        "pm_card_chargeDeclinedIncorrectCvc",
        "pm_card_visa_chargeDeclinedIncorrectCvc",
    ),
    _declined(
        "4000000000000119",
        _PROCESSING,
        "pm_card_chargeDeclinedProcessingError",
        "pm_card_visa_chargeDeclinedProcessingError",
    ),
    _declined("4000000000006975", _VELOCITY, "pm_card_visa_chargeDeclinedVelocityLimitExceeded"),
    TestCard(
        "4000000000000341",
        ("pm_card_chargeCustomerFail", "pm_card_visa_chargeCustomerFail"),
        decline=_GENERIC,
    ),
    TestCard("4000002500003155", ("pm_card_authenticationRequiredOnSetup",), sca="unless_set_up"),
    TestCard("4000002760003184", ("pm_card_authenticationRequired",), sca="always"),
    TestCard(
        "4000003800000446",
        ("pm_card_authenticationRequiredSetupForOffSession",),
        sca="set_up_already",
    ),
    TestCard(
        "4000008260003178",
        ("pm_card_authenticationRequiredChargeDeclinedInsufficientFunds",),
        decline=_NO_FUNDS,
        sca="unless_set_up",
    ),
    TestCard("4000000000000077", ("pm_card_bypassPending",), settles_at_once=True),
    TestCard("4000000000007726", ("pm_card_pendingRefund",), refund="pending"),
    TestCard("4000000000005126", ("pm_card_refundFail",), refund="fails"),
    TestCard(
        "4000000000000259", ("pm_card_createDispute",), dispute=DisputeKind("fraudulent", "10.4")
    ),
    TestCard(
        "4000000000002685",
        ("pm_card_createDisputeProductNotReceived",),
        dispute=DisputeKind("product_not_received", "13.1"),
    ),
    TestCard(
        "4000000000001976",
        ("pm_card_createDisputeInquiry",),
        dispute=DisputeKind("fraudulent", "10.4", inquiry=True),
    ),
    TestCard("4100000000000019", ("pm_card_radarBlock",), decline=_FRAUD, risk="highest"),
    TestCard("4000000000004954", ("pm_card_riskLevelHighest",), decline=_FRAUD, risk="highest"),
    TestCard("4000000000009235", ("pm_card_riskLevelElevated",), risk="elevated"),
)
_BY_NAME = {name: card for card in CARDS for name in card.names}
_BY_NUMBER = {card.number: card for card in CARDS}


def named(name: str) -> TestCard | None:
    """The card behind `pm_card_…` or its `tok_…` twin."""
    return _BY_NAME.get(name.replace("tok_", "pm_card_", 1))


def numbered(number: str) -> TestCard | None:
    """The card with this number (spaces allowed), or None for any other number."""
    return _BY_NUMBER.get("".join(number.split()))
