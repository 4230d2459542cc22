"""Labels: Gmail's own, and those of the person."""

_SYSTEM = (
    "INBOX", "SENT", "DRAFT", "SPAM", "TRASH", "UNREAD", "STARRED", "IMPORTANT", "CHAT",
    "CATEGORY_PERSONAL", "CATEGORY_SOCIAL", "CATEGORY_PROMOTIONS", "CATEGORY_UPDATES",
    "CATEGORY_FORUMS",
)  # fmt: skip
_OWN = ("Suppliers", "Amazon/Shipments")


def label_id(name: str) -> str:
    """The id of a label of the person's own: `Label_` and a number, not the name."""
    return f"Label_{1 + _OWN.index(name)}"


def all_labels() -> list[dict[str, str]]:
    """All labels of a mailbox."""
    system = [{"id": one, "name": one, "type": "system"} for one in _SYSTEM]
    own = [
        {
            "id": label_id(one),
            "name": one,
            "type": "user",
            "messageListVisibility": "show",
            "labelListVisibility": "labelShow",
        }
        for one in _OWN
    ]
    return system + own


def ids_of(name: str) -> str:
    """The id that a search means by a label's name: case, spaces and slashes do not matter."""
    folded = _folded(name)
    for one in _OWN:
        if _folded(one) == folded:
            return label_id(one)
    system = name.upper().replace("-", "_")
    return system if system in _SYSTEM else f"CATEGORY_{system}"


def _folded(name: str) -> str:
    return name.lower().replace("/", "-").replace(" ", "-")
