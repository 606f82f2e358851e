"""How the tests look at a page."""

import time


def text(tab, selector):
    return tab.locator(selector).first.inner_text()


def until(tab, script, arg=None):
    """Waits for a script to be true. Playwright's own way evaluates a string in the page, which the policy forbids."""
    deadline = time.monotonic() + 20
    while not tab.evaluate(script, arg):
        assert time.monotonic() < deadline, script
        time.sleep(0.02)


def address(tab):
    return tab.evaluate("location.hash.slice(1)")


def shown(tab):
    return int(text(tab, "#found").split()[0].replace(",", ""))


def choose(tab, facet, value):
    tab.get_by_label(facet, exact=True).select_option(value)
