"""A seller opens Opside in Amazon's Appstore: he signs in, and his consent goes on where it began."""

from proof import control

from opside_local.journey.browser import Browser
from opside_local.journey.people import Person
from opside_local.system import System

YUKI = Person("yuki", "Yuki")


async def test_a_start_in_the_appstore_ends_connected(system: System) -> None:
    login = f"{system.urls.main_api}/api/auth/amazon/appstore"
    store = f"{system.urls.amazon}/apps/store/start?persona={YUKI.persona}&login_uri={login}"
    async with Browser(system.urls.main_api) as browser:
        page = await browser.open(store)
        form = page.form(offering="persona")
        page = await browser.submit(form, persona=YUKI.persona, decision="allow")
        assert page.url.endswith("/dashboard?connect=ok"), page.url
        me = await browser.who_am_i()
        assert me["email"] == YUKI.email
        connections = {one["provider"]: one for one in await browser.get("/api/connections")}
        assert connections["amazon"]["status"] == "connected"
        personas = await control(system, "amazon/personas")
        [yuki] = [one for one in personas if one["persona"] == YUKI.persona]
        assert connections["amazon"]["accountId"] == yuki["sellerId"]
