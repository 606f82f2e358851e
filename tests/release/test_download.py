import pytest

from ecd_data.core.errors import BuildError
from ecd_data.release.download import build_at


def test_a_directory_is_taken_as_it_is_and_has_no_revisions(tmp_path):
    assert build_at(str(tmp_path)) == tmp_path
    with pytest.raises(BuildError, match="is a directory, which has no revisions. Leave out --revision"):
        build_at(str(tmp_path), "v1")
