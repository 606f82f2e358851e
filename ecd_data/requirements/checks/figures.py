"""Figures: numbers, percentages, dates and measures that an answer has to give."""

from __future__ import annotations

import datetime
import re

from ecd_data.core.values import Verdict
from ecd_data.requirements.checks.length import compare
from ecd_data.requirements.checks.words import straight

NUMBER = re.compile(r"(?<![\w.,])\d{1,15}(?:[.,]\d{1,15})*(?![\w]|[.,]\d)")
PERCENTAGE = re.compile(r"(?<![\w.,])\d{1,15}(?:[.,]\d{1,15})?(?: ?%(?!\w)|[ \-]percent\b)")
ISO_DATE = re.compile(r"(?<![\d\-])(\d{4})-(\d\d)-(\d\d)(?![\d\-])")
OTHER_DATE = re.compile(
    r"(?<![\d/.\-])\d{1,2}([/.\-])\d{1,2}\1(?:\d{4}|\d\d)(?![\d/\-])"
    r"|\b(?:january|february|march|april|may|june|july|august|september|october|november|december) \d{1,2}\b"
    r"|\b\d{1,2}(?:st|nd|rd|th)?(?: of)? "
    r"(?:january|february|march|april|june|july|august|september|october|november|december)\b",
    re.IGNORECASE,
)
AMOUNT = r"(?<![\w.,])\d{1,15}(?:[.,]\d{1,15})?[ \-]?"
METRIC = re.compile(
    AMOUNT + r"(?:[kcm]?m|km/h|[km]?g|ml|l|°C|(?:kilo|centi|milli)?(?:met(?:er|re)s?|grams?)|(?:milli)?lit(?:er|re)s?"
    r"|degrees celsius)(?![\w])"
)
IMPERIAL = re.compile(
    AMOUNT + r"(?:in(?:ch(?:es)?)?|ft|feet|foot|yards?|yd|miles?|mi|mph|oz|ounces?|lbs?|pounds?|gallons?|pints?|°F"
    r"|degrees fahrenheit)(?![\w])",
    re.IGNORECASE,
)


def number_count(text: str, *, n: int) -> Verdict:
    """At least `n` numbers in digits; list numbers and digits inside words do not count."""
    lines = (re.sub(r"\A[ \t]*\d{1,3}[.)][ \t]", "", line) for line in text.splitlines())
    return compare(sum(len(NUMBER.findall(line)) for line in lines), "at_least", n, "numbers in digits")


def percentage(text: str) -> Verdict:
    """At least one percentage in digits: `25%` or `25 percent`."""
    count = len(PERCENTAGE.findall(text))
    return compare(count, "at_least", 1, "percentages")


def iso_date(text: str) -> Verdict:
    """At least one date that exists, written as YYYY-MM-DD, and no date with day and month in another way."""
    found = ISO_DATE.findall(text)
    for year, month, day in found:
        try:
            datetime.date(int(year), int(month), int(day))
        except ValueError:
            return Verdict(False, f"{year}-{month}-{day} is no date")
    other = OTHER_DATE.search(text)
    if other:
        return Verdict(False, f'"{other[0]}" is not written as YYYY-MM-DD')
    return compare(len(found), "at_least", 1, "dates written as YYYY-MM-DD")


def metric_units(text: str) -> Verdict:
    """At least one number with a metric unit, and none with an imperial one."""
    text = straight(text)
    imperial = IMPERIAL.search(text)
    if imperial:
        return Verdict(False, f'"{imperial[0]}" is no metric measure')
    return compare(len(METRIC.findall(text)), "at_least", 1, "metric measures")
