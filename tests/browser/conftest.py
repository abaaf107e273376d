"""Debian's Chromium through playwright, against the site as it is served."""

import os
from pathlib import Path

import pytest
from django.core.cache import cache
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from accounts.services import totp_code
from tests.factories import SECRET
from tests.flows.conftest import sink  # noqa: F401 - a fixture: the mail server of the send

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
SHOTS = Path(__file__).resolve().parents[2] / "artifacts" / "screenshots"
WIDE, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}


@pytest.fixture(scope="session")
def chromium():
    if not CHROMIUM.exists():
        reason = f"{CHROMIUM} is not installed: apt-get install chromium"
        if os.environ.get("ATTUNE_BROWSER_TESTS") == "required":
            pytest.fail(reason)
        pytest.skip(reason)
    with sync_playwright() as playwright:
        # Playwright's loop lives in this thread, and Django takes every loop for asynchronous code of ours.
        os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        yield browser
        browser.close()
        del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


class Visitor:
    """Somebody with a browser of their own. What the page says on its console as an error fails the test at the end."""

    def __init__(self, browser: Browser, address: str, **options):
        self.address = address
        self.context: BrowserContext = browser.new_context(viewport=WIDE, **options)
        self.context.set_default_timeout(15_000)
        self.page: Page = self.context.new_page()
        self.complaints: list[str] = []
        self.page.on("console", self._listen)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def _listen(self, message) -> None:
        # A form that is refused answers 400, on purpose; the browser calls that an error too.
        if message.type == "error" and "status of 400" not in message.text:
            self.complaints.append(message.text)

    def open(self, path: str) -> Page:
        self.page.goto(self.address + path)
        return self.page

    def log_in(self, user) -> Page:
        page = self.open("/accounts/login/")
        page.get_by_label("Username").fill(user.username)
        page.get_by_label("Password").fill("correct horse battery")  # as tests.factories.staff sets it
        page.get_by_role("button", name="Log in").click()
        if user.second_factor_at is not None:
            cache.clear()  # a code holds once: two visitors of one test may not wait for the next
            page.get_by_label("Code").fill(totp_code(SECRET))
            page.get_by_role("button", name="Log in").click()
        page.wait_for_url(self.address + "/")
        return page

    def shoot(self, name: str) -> None:
        """Keeps the page as it looks on a desk, in the dark, and on a phone; nothing may stick out of a phone."""
        SHOTS.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=SHOTS / f"{name}.png", full_page=True)
        self.page.emulate_media(color_scheme="dark")
        self.page.screenshot(path=SHOTS / f"{name}-dark.png", full_page=True)
        self.page.emulate_media(color_scheme="light")
        self.page.set_viewport_size(PHONE)
        self.page.screenshot(path=SHOTS / f"{name}-phone.png", full_page=True)
        width = self.page.evaluate("document.documentElement.scrollWidth")
        self.page.set_viewport_size(WIDE)
        assert width <= PHONE["width"], f"{name} is {width} pixels wide on a phone of {PHONE['width']}"


@pytest.fixture
def visitor(chromium, live_server, settings):
    """`visitor()` opens a browser for one more person; its options are playwright's."""
    settings.PUBLIC_URL = live_server.url
    visitors: list[Visitor] = []

    def open_one(**options) -> Visitor:
        visitors.append(Visitor(chromium, live_server.url, **options))
        return visitors[-1]

    yield open_one
    for one in visitors:
        one.context.close()
    assert [text for one in visitors for text in one.complaints] == []
