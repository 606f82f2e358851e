import io

from rich.console import Console

from ecd_data.progress import line
from ecd_data.progress.line import ProgressLine, details, format_money, live_line, plain_line

BUSY = {
    "done": 3,
    "pairs": 1234,
    "calls_per_second": 14.25,
    "tokens_per_second": 2210.4,
    "in_flight": 15,
    "limit": 16,
    "stored": 40,
    "retries": 2,
    "failed": 1,
    "cost": 0.0125,
    "seconds": 61.2,
    "seconds_left": 3725.0,
}


def test_everything_is_on_the_line(snapshot):
    assert plain_line(snapshot(**BUSY)) == (
        "chains: 3/8, 1,234 pairs, 14.2 calls/s, 2,210 tokens/s, 15/16 in flight, cost 0.013, 1 failed, "
        "2 retries, 40 from the store, ETA 1:02:05"
    )


def test_what_is_zero_is_left_out(snapshot):
    assert plain_line(snapshot()) == "chains: 0/8"
    assert details(snapshot(note="responses")) == []
    assert details(snapshot(pairs=1, retries=1)) == ["1 pair", "1 retry"]


def test_the_build_says_which_step_it_is_at(snapshot):
    console, out = shown(terminal=True)
    now = snapshot(stage="build", done=4, note="responses", pairs=7)
    assert plain_line(now) == "build: 4/8, responses, 7 pairs"
    console.print(live_line(now, console.width))
    assert "4/8 responses 7 pairs" in out.getvalue()


def test_small_amounts_of_money_keep_two_digits():
    assert [format_money(amount) for amount in (0, 0.0000623, 0.5, 1234.5)] == ["0.00", "0.000062", "0.50", "1,234.50"]


def shown(terminal, width=140):
    out = io.StringIO()
    console = Console(file=out, force_terminal=terminal, width=width, soft_wrap=True, markup=False, highlight=False)
    return console, out


def test_a_pipe_gets_a_line_every_ten_seconds_and_one_at_the_end(monkeypatch, snapshot):
    clock = iter([0.0, 1.0, 9.9, 10.0, 10.0, 12.0, 15.0])
    console, out = shown(terminal=False)
    monkeypatch.setattr(line.time, "monotonic", lambda: next(clock))
    with ProgressLine(console, None) as progress:
        for done in range(4):
            progress.show(snapshot(done=done))
        progress.end(snapshot(done=8, seconds=12.3))
    assert out.getvalue() == "chains: 2/8\nchains: 8/8, took 0:00:12\n"


def test_a_terminal_gets_one_line_that_changes(snapshot):
    console, out = shown(terminal=True)
    with ProgressLine(console, None) as progress:
        progress.show(snapshot(**BUSY))
        progress.show(snapshot(**{**BUSY, "done": 4}))
        progress.end(snapshot(**{**BUSY, "done": 8}))
    assert "3/8 ETA 1:02:05 1,234 pairs · 14.2 calls/s" in out.getvalue()
    assert "4/8 ETA" in out.getvalue()
    assert "\n" not in out.getvalue().split("chains: 8/8")[0].strip()
    assert out.getvalue().count("took") == 1


def test_a_narrow_terminal_gets_one_line_too(snapshot):
    console, out = shown(terminal=True, width=60)
    console.print(live_line(snapshot(**BUSY), console.width))
    assert len(out.getvalue().splitlines()) == 1
    assert "chains 3/8 ETA 1:02:05 1,234 pairs" in out.getvalue()
