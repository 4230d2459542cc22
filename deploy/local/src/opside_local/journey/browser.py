"""A person's browser: cookies, redirects, forms, and the calls of the page he looks at."""

from collections.abc import Mapping
from http.cookiejar import CookieJar, DefaultCookiePolicy
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

import httpx

from opside_chassis.http_transport import trusted_authorities
from opside_local.journey.errors import JourneyFailed
from opside_local.journey.pages import Form, Page

MAX_REDIRECTS = 10
TIMEOUT_SECONDS = 30.0
HOSTS = {"127.0.0.1", "localhost"}
"""A local copy sends its people nowhere else."""
JSON = "application/json"


class Refused(JourneyFailed):
    """main-api answered with an error; `status` and `code` are those of its problem document."""

    def __init__(self, method: str, path: str, answer: httpx.Response) -> None:
        problem = _problem(answer)
        self.status = answer.status_code
        self.code = str(problem.get("code", ""))
        detail = problem.get("detail") or answer.text[:300]
        super().__init__(f"{method} {path} answered {self.status} {self.code}: {detail}")


class Browser:
    """One person's browser. Paths without a host are main-api's."""

    def __init__(self, main_api: str) -> None:
        # Browsers treat the loopback address as secure, and send it cookies marked so.
        policy = DefaultCookiePolicy(secure_protocols=("https", "http"))
        self._main_api = main_api
        self._csrf_token = ""
        self._client = httpx.AsyncClient(
            base_url=main_api,
            cookies=CookieJar(policy),
            timeout=TIMEOUT_SECONDS,
            trust_env=False,
            verify=trusted_authorities(),
            event_hooks={"request": [self._send_cookies]},
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        await self._client.aclose()

    async def open(self, url: str) -> Page:
        """Go to an address and wherever it sends us; raises `JourneyFailed`."""
        return await self._follow(await self._client.get(url))

    async def submit(self, form: Form, **filled: str) -> Page:
        """Send a form with these fields filled in, and go wherever it sends us."""
        fields = {**form.fields, **filled}
        if form.method == "post":
            return await self._follow(await self._client.post(form.action, data=fields))
        return await self._follow(await self._client.get(form.action, params=fields))

    async def read(self, url: str) -> Any:  # noqa: ANN401 (any JSON)
        """A provider's page as data, which it offers to programs; raises `Refused`."""
        return await self._call("GET", url, headers={"Accept": JSON})

    async def answer_to(self, form: Form, **filled: str) -> Any:  # noqa: ANN401 (any JSON)
        """Send a provider's form and read its answer as data; raises `Refused`."""
        fields = {**form.fields, **filled}
        return await self._call("POST", form.action, data=fields, headers={"Accept": JSON})

    async def get(self, path: str, **query: str) -> Any:  # noqa: ANN401 (any JSON)
        """What the page reads from main-api; raises `Refused`."""
        return await self._call("GET", path, params=query)

    async def download(self, path: str, *, accept: str = "*/*") -> bytes:
        """A file of this media type; raises `Refused`."""
        answer = await self._client.get(path, headers={"Accept": accept})
        if answer.is_error:
            raise Refused("GET", path, answer)
        return answer.content

    async def send(
        self,
        method: str,
        path: str,
        *,
        body: object = None,
        files: list[tuple[str, Any]] | None = None,
        key: str = "",
    ) -> Any:  # noqa: ANN401 (any JSON)
        """What the page changes at main-api, with its proof against forgery; raises `Refused`."""
        headers = {"Origin": self._main_api, "X-CSRF-Token": self._csrf_token}
        if key:
            headers["Idempotency-Key"] = key
        return await self._call(method, path, headers=headers, json=body, files=files)

    def proof(self) -> dict[str, str]:
        """The headers of a change: who it is, from which page, and that the page meant it."""
        request = self._client.build_request("GET", "/")
        # httpx has set the cookies of http already; the jar does not replace a header that is there.
        request.headers.pop("Cookie", None)
        self._client.cookies.set_cookie_header(request)
        return {
            "Cookie": request.headers["Cookie"],
            "Origin": self._main_api,
            "X-CSRF-Token": self._csrf_token,
        }

    async def who_am_i(self) -> dict[str, Any]:
        """The signed-in person; raises `Refused` (401) when nobody is."""
        me: dict[str, Any] = await self.get("/api/me")
        self._csrf_token = (await self.get("/api/auth/csrf"))["csrfToken"]
        return me

    async def _call(
        self,
        method: str,
        path: str,
        **parts: Any,  # noqa: ANN401 (httpx' own arguments)
    ) -> Any:  # noqa: ANN401 (any JSON)
        given = {name: part for name, part in parts.items() if part is not None}
        answer = await self._client.request(method, path, **given)
        if answer.status_code == httpx.codes.UNAUTHORIZED and await self._refreshed():
            answer = await self._client.request(method, path, **given)
        if answer.is_error:
            raise Refused(method, path, answer)
        return answer.json() if answer.content else None

    async def _refreshed(self) -> bool:
        """Access tokens live for minutes; the page asks for a new one as it goes along."""
        answer = await self._client.post("/api/auth/refresh", headers={"Origin": self._main_api})
        return answer.is_success

    async def _send_cookies(self, request: httpx.Request) -> None:
        """httpx copies the jar for each request and forgets its policy: set the header ourselves."""
        request.headers.pop("Cookie", None)
        self._client.cookies.set_cookie_header(request)

    async def _follow(self, answer: httpx.Response) -> Page:
        for _ in range(MAX_REDIRECTS):
            if not answer.is_redirect:
                break
            target = answer.url.join(answer.headers["location"])
            if target.host not in HOSTS:
                raise JourneyFailed(f"{answer.url} sends the browser away to {target}")
            answer = await self._client.get(target)
        if answer.is_error or answer.is_redirect:
            raise Refused(answer.request.method, urlsplit(str(answer.url)).path, answer)
        return Page(str(answer.url), answer.status_code, answer.text)


def _problem(answer: httpx.Response) -> Mapping[str, Any]:
    try:
        document = answer.json()
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}
