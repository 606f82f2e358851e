"""Figures: numbers, percentages, dates and measures that an answer has to give."""

import datetime
import re

from ecd_data.core.values import Verdict
from ecd_data.requirements.grammars import prose_with
from ecd_data.requirements.kind import count_verdict, filled, kind
from ecd_data.requirements.text import NUMBER_WORDS, straight

NUMBER = re.compile(r"(?<![\w.,])\d{1,15}(?:[.,]\d{1,15})*(?![\w]|[.,]\d)")
NUMBER_WORD = re.compile(rf"(?<![\w-])(?:{'|'.join(NUMBER_WORDS[2:])})(?![\w-])", re.IGNORECASE)
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


def _write_in_digits(text: str, *, n: int) -> str:
    """Write the number words from two to twenty in digits."""
    return NUMBER_WORD.sub(lambda match: str(NUMBER_WORDS.index(match[0].lower())), text)


@kind(repair=_write_in_digits, grammar=prose_with("[1-9][0-9]{0,2}"))
def number_count(text: str, *, n: int) -> Verdict:
    """Require at least `n` numbers in digits; list numbers and digits inside words do not count."""
    lines = (re.sub(r"\A[ \t]*\d{1,3}[.)][ \t]", "", line) for line in text.splitlines())
    return count_verdict(sum(len(NUMBER.findall(line)) for line in lines), "at_least", n, "numbers in digits")


@kind(grammar=prose_with("[1-9][0-9]?%"), completion=filled("{text} About 80% of people agree."))
def percentage(text: str) -> Verdict:
    """Require a percentage in digits: `25%` or `25 percent`."""
    return count_verdict(len(PERCENTAGE.findall(text)), "at_least", 1, "percentages")


@kind(
    grammar=prose_with("20[0-2][0-9]-(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])"),
    completion=filled("{text} This was written on 2024-05-01."),
)
def iso_date(text: str) -> Verdict:
    """Require a date that exists, written as YYYY-MM-DD, and no date with day and month in another way."""
    dates = ISO_DATE.findall(text)
    for year, month, day in dates:
        try:
            datetime.date(int(year), int(month), int(day))
        except ValueError:
            return Verdict(False, f"{year}-{month}-{day} is no date")
    if other := OTHER_DATE.search(text):
        return Verdict(False, f'"{other[0]}" is not written as YYYY-MM-DD')
    return count_verdict(len(dates), "at_least", 1, "dates written as YYYY-MM-DD")


@kind(grammar=prose_with("[1-9][0-9]{0,2} (km|cm|kg|ml|g|m)"), completion=filled("{text} That is true within 5 km."))
def metric_units(text: str) -> Verdict:
    """Require a number with a metric unit, and none with an imperial one."""
    text = straight(text)
    if imperial := IMPERIAL.search(text):
        return Verdict(False, f'"{imperial[0]}" is no metric measure')
    return count_verdict(len(METRIC.findall(text)), "at_least", 1, "metric measures")
