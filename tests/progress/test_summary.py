import re

from ecd_data.artifact.manifest import read_manifest
from ecd_data.progress.summary import summarize


def numbers(value):
    """Every number in JSON data."""
    if isinstance(value, dict):
        return {number for key, item in value.items() for number in numbers(item) | words(key)}
    if isinstance(value, list):
        return {number for item in value for number in numbers(item)}
    return {str(value)} if isinstance(value, (int, float)) else set()


def words(text):
    return set(re.findall(r"\d+(?:\.\d+)?", text))


def test_every_number_is_in_the_manifest(make_build):
    manifest = read_manifest(make_build())
    text = summarize(manifest)
    assert words(text) <= numbers(manifest)
    assert f"{manifest['counts']['rounds']}\n" in text
    assert re.search(r"  pairs  +\d+ \(\d+ by edit", text)
    assert re.search(r"  calls for a pair  +\d+\.\d \(\d+\.\d prompt tokens", text)
