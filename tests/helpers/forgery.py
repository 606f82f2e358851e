"""Builds that were tampered with, and covered up as far as one can without the model."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from datasets.info import DatasetInfosDict
from huggingface_hub import DatasetCard

from ecd_data.artifact.card import card_text
from ecd_data.artifact.figures import FIGURES, figures
from ecd_data.artifact.manifest import read_manifest, write_manifest
from ecd_data.artifact.statistics import statistics_from_files
from ecd_data.artifact.validation import check_rows
from ecd_data.core.hashing import file_sha256

TRAIN = "data/preference/train-00000-of-00001.parquet"
RESPONSES = "responses/responses-00000-of-00001.parquet"


def edit_rows(build: Path, name, change):
    """Edits the rows of a Parquet file in place."""
    table = pq.read_table(build / name)
    rows = table.to_pylist()
    change(rows)
    pq.write_table(pa.Table.from_pylist(rows, table.schema), build / name)


def edit_manifest(build: Path, change):
    """Edits the manifest."""
    manifest = read_manifest(build)
    change(manifest)
    write_manifest(build, manifest)


def cover_up(build: Path):
    """Makes manifest and card fit whatever lies in the build."""
    manifest = read_manifest(build)
    manifest |= statistics_from_files(build) | {"configs": check_rows(build, manifest)[0].configs}
    for name, svg in figures(manifest).items():
        (build / FIGURES / name).write_text(svg, encoding="utf-8")
    known = [name for name in manifest["files"] if (build / name).is_file()]
    manifest["files"] = {
        name: {"sha256": file_sha256(build / name), "size": (build / name).stat().st_size} for name in known
    }
    write_manifest(build, manifest)
    infos = DatasetInfosDict.from_dataset_card_data(DatasetCard.load(build / "README.md").data)
    (build / "README.md").write_text(card_text(build, manifest, infos), encoding="utf-8")
