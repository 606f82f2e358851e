import json
import re
from copy import deepcopy
from dataclasses import replace

import datasets
import pytest
import yaml
from huggingface_hub.repocard import REGEX_YAML_BLOCK
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from ecd_data.artifact.card import write_card
from ecd_data.artifact.manifest import read_manifest
from ecd_data.artifact.parquet import data_files
from ecd_data.builders.ecd import Ecd
from ecd_data.corpus.seeds import read_corpus
from ecd_data.release.naming import fill_in
from tests.helpers.nasty import NASTY, Seen, text_and_nasty
from tests.helpers.scripted import RECIPE


def card_of(build):
    """The metadata and the Markdown of a build's card."""
    text = (build / "README.md").read_text()
    block = re.match(REGEX_YAML_BLOCK, text)
    return yaml.safe_load(block[2]), text[block.end() :]


def seen(body):
    """The card as a page."""
    return Seen(MarkdownIt("commonmark", {"html": True}).enable("table").render(body))


def written(build, manifest):
    """The card of a build with another manifest."""
    infos = {config: datasets.DatasetInfo(features=features) for config, features in Ecd.FEATURES.items()}
    write_card(build, manifest, infos)
    return card_of(build)


def test_a_source_on_the_hub_is_linked_by_its_id(make_build, corpus):
    metadata, card = card_of(make_build(corpus=replace(corpus, sources=("seeds.jsonl", "org/data@v1:easy:train"))))
    assert metadata["source_datasets"] == ["org/data"]
    assert "org/data@v1:easy:train" in card


def test_the_metadata_is_what_the_hub_and_load_dataset_take(make_build):
    build = make_build()
    metadata, _ = card_of(build)
    manifest = read_manifest(build)
    assert metadata["size_categories"] == ["n<1K"]
    assert metadata["source_datasets"] == ["original"]
    assert metadata["annotations_creators"] == metadata["language_creators"] == ["machine-generated"]
    assert {"preference", "dpo", "synthetic"} <= set(metadata["tags"])
    assert [config["config_name"] for config in metadata["configs"] if config.get("default")] == ["preference"]
    for info in metadata["dataset_info"]:
        config = info["config_name"]
        assert info["download_size"] == sum(
            path.stat().st_size for paths in data_files(build, config).values() for path in paths
        )
        rows = {split["name"]: split["num_examples"] for split in info["splits"]}
        assert rows == {split: found["rows"] for split, found in manifest["configs"][config].items()}
        assert info["dataset_size"] == sum(split["num_bytes"] for split in info["splits"]) > 0
        loaded = datasets.load_dataset(str(build), config)
        assert {split: part.num_rows for split, part in loaded.items()} == rows
        assert list(loaded) == [split for split in manifest["recipe"]["splits"] if split in rows]


def test_the_card_shows_two_pairs_with_their_differences(make_build):
    _, body = card_of(make_build())
    pairs = re.findall(r"<table>.*?</table>", body, re.S)
    assert len(pairs) == 2
    for pair in pairs:
        assert [Seen(cell).text for cell in re.findall("<th>.*?</th>", pair)] == [
            "Instruction",
            "Chosen",
            "Rejected",
            "It misses",
        ]
        assert "<b>" in pair


def test_the_card_shows_every_figure_of_the_build(make_build):
    recipe = replace(RECIPE, operations=("reasoning/*", "style/no_*"), judge_items=10, judge_accuracy=0.0)
    build = make_build(recipe=recipe)
    shown = {dict(attributes)["src"] for tag, *attributes in seen(card_of(build)[1]).tags if tag == "img"}
    assert shown == {path.relative_to(build).as_posix() for path in build.glob("figures/*.svg")}
    assert len(shown) == 6


def test_every_number_of_the_card_is_from_its_manifest(make_build):
    build = make_build()
    manifest = read_manifest(build)
    manifest["counts"]["pairs"], manifest["counts"]["rounds"] = 123456, 234567
    manifest["calls"]["per_pair"]["total"] = 98.7
    manifest["length_ratio"]["all"]["median"] = 1.77
    _, body = written(build, manifest)
    for said in ("**123,456 preference pairs", "234,567 attempted", "98.7 calls a pair", "has 1.77 times"):
        assert said in body


def test_the_card_says_how_to_verify_and_replay(make_build):
    body = fill_in(card_of(make_build())[1], "org/pairs")
    assert "python -m ecd_data.verify org/pairs " in body
    assert "python -m ecd_data.verify org/pairs --replay" in body
    assert 'load_dataset("org/pairs")' in body
    assert "https://huggingface.co/datasets/org/pairs" in body
    assert "ORG/NAME" not in body


def test_seeds_cannot_break_the_card(make_build, tmp_path):
    (tmp_path / "nasty|`x`---.json").write_text(json.dumps([{"instruction": text} for text in NASTY]))
    recipe = replace(RECIPE, rounds=1, routes={"edit": 3}, operations=("reasoning/because",), splits={"train": 1.0})
    plain = make_build("plain", recipe=recipe)
    build = make_build("nasty", corpus=read_corpus([str(tmp_path / "nasty|`x`---.json")]), recipe=recipe)
    metadata, body = card_of(build)
    assert metadata.keys() == card_of(plain)[0].keys()
    assert datasets.load_dataset(str(build))["train"].num_rows > 0
    page = seen(body)
    assert {dict(attributes)["href"] for tag, *attributes in page.tags if tag == "a"} == {
        "https://arxiv.org/abs/2410.07513"
    }
    assert [tag for tag, *_ in page.tags if tag in ("h1", "h2")] == ["h1", *["h2"] * 7]
    assert "nasty|`x`---.json" in page.text


@pytest.mark.parametrize("nasty", NASTY)
def test_an_example_shows_its_text_as_it_is_and_nothing_of_it_acts(make_build, nasty, monkeypatch):
    build = make_build()
    manifest = read_manifest(build)
    pair = next(iter(_pairs(build)))
    pair["prompt"][0]["content"] = nasty
    pair["chosen"][0]["content"] = f"{nasty} chosen"
    pair["rejected"][0]["content"] = f"{nasty} rejected"
    pair["requirements"][0]["text"] = nasty
    plain = {**pair, "prompt": [{"content": "p"}], "chosen": [{"content": "c"}], "rejected": [{"content": "r"}]}
    pages = []
    for row in (pair, plain):
        monkeypatch.setattr("ecd_data.artifact.card.read_rows", lambda paths, row=row: iter([row]))
        metadata, body = written(build, manifest)
        pages.append((metadata, [tag for tag in seen(body).tags if tag[0] not in ("br", "b")]))
    assert pages[0] == pages[1]


def _pairs(build):
    for part in datasets.load_dataset(str(build)).values():
        yield from part


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=15)
@given(names=st.tuples(*[text_and_nasty.filter(str.strip)] * 3, st.sampled_from(NASTY)))
def test_names_cannot_break_the_card(make_build, tmp_path, names):
    build = tmp_path / "build"
    if not build.exists():
        make_build()
    manifest = read_manifest(build)
    plain, page = (_named(build, manifest, *words) for words in (("m", "s", "o", "mit"), names))
    assert page[0]["license"] == names[3]
    assert page[0].keys() == plain[0].keys()
    assert page[1] == plain[1]


def _named(build, manifest, model, source, operation, license):
    """The metadata and the tags of a card with other names in it."""
    stages = next(iter(manifest["funnel"]["by_operation"].values()))
    manifest = deepcopy(manifest)
    manifest["model"] = {"id": model, "revision": source}
    manifest["seeds"]["sources"] = manifest["seeds"]["decontaminated_from"] = [source]
    manifest["recipe"]["license"] = license
    manifest["funnel"]["by_operation"] = manifest["funnel"]["by_class"] = {operation: stages}
    manifest["counts"]["rejects"] = {operation: 7}
    metadata, body = written(build, manifest)
    return metadata, seen(body).tags
