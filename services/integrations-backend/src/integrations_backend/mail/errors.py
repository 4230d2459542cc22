"""How reading a mailbox can fail for its owner."""

from opside_chassis.errors import BadRequest, Forbidden, TooManyRequests


class MailForbidden(Forbidden):
    """Google's word is final: a scope is missing, or an administrator forbids it."""

    code = "mail_forbidden"


class MailQuotaSpent(TooManyRequests):
    """Google's quota of this user's minute is spent."""

    code = "mail_quota"


class SearchRefused(BadRequest):
    """Google does not take the search or its cursor."""

    code = "search_refused"
