import json
import re
from pathlib import Path

import pytest

from ecd_data.core.errors import ProgressError
from ecd_data.progress.event_log import EventLog


def test_a_line_is_an_object_with_its_time_in_utc(tmp_path):
    log = EventLog(tmp_path / "run.jsonl", print)
    log.write("one", pairs=3, model="müde\n")
    log.write("two")
    log.close()
    one, two = map(json.loads, (tmp_path / "run.jsonl").read_text(encoding="utf-8").splitlines())
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", one.pop("time"))
    assert one == {"event": "one", "pairs": 3, "model": "müde\n"}
    assert two["event"] == "two"


def test_a_log_continues_where_it_was(tmp_path):
    for event in ("one", "two"):
        log = EventLog(tmp_path / "run.jsonl", print)
        log.write(event)
        log.close()
    assert [json.loads(line)["event"] for line in (tmp_path / "run.jsonl").open()] == ["one", "two"]


def test_a_file_that_cannot_be_opened_is_named(tmp_path):
    with pytest.raises(ProgressError, match="--log-json .*nowhere.*No such file"):
        EventLog(tmp_path / "nowhere" / "run.jsonl", print)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a disk that is full")
def test_a_full_disk_ends_the_log_and_not_the_run(capsys):
    log = EventLog(Path("/dev/full"), print)
    log.write("one")
    log.write("two")
    log.close()
    printed = capsys.readouterr().out
    assert printed.count("the run continues without the log") == 1
    assert "No space left" in printed
