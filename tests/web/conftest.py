"""One browser for all tests of pages, which wait as long as a busy machine needs."""

from playwright.sync_api import expect

from tests.support.browser import chromium  # noqa: F401 (fixture)

expect.set_options(timeout=15_000)
