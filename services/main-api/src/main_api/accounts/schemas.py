"""Bodies of the account routes."""

from opside_chassis.wire import AnswerModel, ApiModel
from opside_contracts.integrations.messages import Connection
from opside_contracts.payments.messages import Collection


class Me(AnswerModel):
    """The signed-in person."""

    user_id: str
    email: str
    name: str
    role: str
    collection_mode: Collection
    amazon_seller_id: str | None
    integrations: list[Connection]


class CollectionChange(ApiModel):
    """An admin's order; null goes back to the default."""

    mode: Collection | None
