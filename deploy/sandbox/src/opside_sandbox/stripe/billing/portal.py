"""Portal sessions: a link with which one customer looks after his own billing for a while."""

from opside_sandbox.stripe.billing import portal_configurations
from opside_sandbox.stripe.errors import Document
from opside_sandbox.stripe.events import emit
from opside_sandbox.stripe.fields import one_of, record, text
from opside_sandbox.stripe.present import shown
from opside_sandbox.stripe.routes import Operation
from opside_sandbox.stripe.world import Ask, World

KIND = "billing_portal.session"
PATH = "/p/session"
OPEN_SECONDS = 3600
"""How long the sandbox keeps a link open (Stripe's is short-lived too)."""


def _create(world: World, ask: Ask) -> Document:
    customer = world.need("customer", ask.params["customer"], param="customer", in_path=False)
    if chosen := ask.get("configuration"):
        configuration = world.need(
            portal_configurations.KIND, chosen, param="configuration", in_path=False
        )
    else:
        configuration = portal_configurations.default(world)
    session_id, secret = world.new_id(KIND), world.state.token("portal", 32)
    flow = ask.get("flow_data")
    if flow and (cancels := flow.get("subscription_cancel")):
        world.need(
            "subscription",
            cancels["subscription"],
            param="flow_data[subscription_cancel][subscription]",
            in_path=False,
        )
    session = world.save(
        {
            "id": session_id,
            "object": KIND,
            "configuration": configuration["id"],
            "created": world.now(),
            "customer": customer["id"],
            "customer_account": None,
            "flow": _flow(flow) if flow else None,
            "livemode": False,
            "locale": ask.get("locale"),
            "on_behalf_of": None,
            "return_url": ask.get("return_url") or configuration["default_return_url"],
            "url": f"{ask.base_url}{PATH}/{secret}",
            "_secret": secret,
        }
    )
    emit(world, "billing_portal.session.created", session)
    return shown(world, session)


def _flow(given: Document) -> Document:
    """A deep link to one thing to do."""
    after = given.get("after_completion") or {"type": "portal_homepage"}
    cancels = given.get("subscription_cancel")
    return {
        "after_completion": {
            "hosted_confirmation": None,
            "redirect": after.get("redirect"),
            "type": after["type"],
        },
        "subscription_cancel": {**cancels, "retention": None} if cancels else None,
        "subscription_update": None,
        "subscription_update_confirm": None,
        "type": given["type"],
    }


def opened(world: World, secret: str) -> Document | None:
    """The session behind a link, while the link works."""
    session = world.state.store.find(world.collection(KIND), _secret=secret)
    if session is None or session["created"] + OPEN_SECONDS <= world.now():
        return None
    return session


_FLOW = record(
    {
        "after_completion": record(
            {
                "redirect": record({"return_url": text}, required=("return_url",)),
                "type": one_of("portal_homepage", "redirect"),
            },
            required=("type",),
        ),
        "subscription_cancel": record({"subscription": text}, required=("subscription",)),
        "type": one_of("payment_method_update", "subscription_cancel"),
    },
    required=("type",),
)

OPERATIONS = [
    Operation(
        "POST",
        "/v1/billing_portal/sessions",
        "billing_portal.sessions.create",
        _create,
        fields={
            "configuration": text,
            "customer": text,
            "flow_data": _FLOW,
            "locale": text,
            "return_url": text,
        },
        required=("customer",),
    ),
]
