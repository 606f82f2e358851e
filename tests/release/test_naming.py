from ecd_data.artifact.manifest import CARD, MANIFEST, read_manifest
from ecd_data.release.naming import REPOSITORY, fill_in, filled_in, staged_with_repo_id


def test_the_id_is_filled_in_where_the_card_speaks_and_not_where_a_text_does():
    card = "<td>ORG/NAME</td>\n\n```bash\nverify ORG/NAME\n```\n\n`ORG/NAME` <td>```bash</td> ORG/NAME\n"
    assert fill_in(card, "a/b") == card.replace("verify ORG/NAME", "verify a/b")


def test_a_card_can_be_filled_in_again(make_build):
    card = (make_build() / CARD).read_text()
    assert filled_in(card) == REPOSITORY
    once = fill_in(card, "a/b")
    assert filled_in(once) == "a/b"
    assert fill_in(fill_in(once, "org/pairs.v2"), REPOSITORY) == card


def test_a_build_is_published_under_its_name_and_stays_as_it_is(make_build):
    build = make_build()
    before = (build / CARD).read_bytes()
    with staged_with_repo_id(build, "a/b") as folder:
        files = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
        assert files == {CARD, MANIFEST, *read_manifest(build)["files"]}
        assert (folder / CARD).read_text() == fill_in(before.decode(), "a/b")
        assert (folder / MANIFEST).read_bytes() == (build / MANIFEST).read_bytes()
    assert (build / CARD).read_bytes() == before
