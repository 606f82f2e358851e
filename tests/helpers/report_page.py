"""What the tests of the report do in its page."""

import time


def text(tab, selector):
    return tab.locator(selector).first.inner_text()


def wait_until(tab, script, arg=None):
    """Wait until a script is true. Playwright's own way evaluates a string in the page, which the policy forbids."""
    deadline = time.monotonic() + 20
    while not tab.evaluate(script, arg):
        assert time.monotonic() < deadline, script
        time.sleep(0.02)


def address(tab):
    return tab.evaluate("location.hash.slice(1)")


def go_to(tab, id_):
    """Open a round by its id and wait until it is shown."""
    tab.evaluate("id => { location.hash = id }", id_)
    wait_until(tab, "id => document.querySelector('.round .id')?.innerText === id", id_)


def matches(tab):
    """Return the number of rounds in the list."""
    return int(text(tab, "#matches").split()[0].replace(",", ""))


def choose(tab, name, value):
    """Choose a value of a filter."""
    tab.get_by_label(name, exact=True).select_option(value)
