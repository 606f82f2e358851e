import argparse

import pytest

from ecd_data.cli.arguments import add_generation_arguments, port, positive, price, sources, temperature
from ecd_data.core.errors import SeedError
from ecd_data.methods import METHODS


@pytest.mark.parametrize("text", ["-1", "nan", "inf", "1e308"])
def test_a_price_that_cannot_be_summed_is_refused(text):
    with pytest.raises(argparse.ArgumentTypeError, match=f"got {text}"):
        price(text)


@pytest.mark.parametrize(("read", "text"), [(positive, "0"), (temperature, "2.5"), (port, "65536"), (port, "-1")])
def test_a_number_out_of_range_is_refused(read, text):
    with pytest.raises(argparse.ArgumentTypeError, match=f"must be .*, got {text}"):
        read(text)


def parse(*arguments):
    parser = argparse.ArgumentParser()
    add_generation_arguments(parser)
    return parser.parse_args(arguments), parser.format_help()


def test_the_help_names_every_method():
    help_text = parse()[1]
    assert all(name in help_text for name in METHODS)


def test_flags_replace_values_of_the_recipe():
    read = sources(parse("--seeds", "bundled", "--seeds", "more.csv", "--rounds", "7", "--pairs", "all")[0])
    assert read.seeds == ("bundled", "more.csv")
    assert (read.recipe.rounds, read.recipe.pairs, read.recipe.builder) == (7, "all", "ecd")


def test_a_generation_needs_seeds():
    with pytest.raises(SeedError, match="--seeds bundled"):
        sources(parse()[0])
