"""Links to report documents lead to Amazon's stores, never into our own network."""

import pytest

from integrations_backend.amazon_api.document import refuse_inner_link
from integrations_backend.amazon_api.errors import RequestRefused

AMAZON, SANDBOX = "https://sellingpartnerapi-na.amazon.com", "http://127.0.0.1:9000"
INNER = (
    "http://169.254.169.254/latest/meta-data/",
    "http://main-api:8000/internal/events",
    "http://127.0.0.1:6379/",
    "https://localhost/",
    "https://[::1]:5432/",
    "http://tortuga-prod-na.s3.amazonaws.com/x",
)


@pytest.mark.parametrize("link", INNER)
def test_a_link_into_our_network_is_not_followed(link: str) -> None:
    with pytest.raises(RequestRefused):
        refuse_inner_link(link, api_url=AMAZON)


def test_amazons_own_links_and_a_sandboxs_are_followed() -> None:
    refuse_inner_link("https://tortuga-prod-na.s3.amazonaws.com/x?signed", api_url=AMAZON)
    refuse_inner_link("http://127.0.0.1:9000/documents/1", api_url=SANDBOX)
