"""The response store at size: how fast it takes and finds responses, and the room it needs, beside one file for each.

python -m benchmarks.store --responses 1000000
"""

import argparse
import json
import random
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median, quantiles

from ecd_data.calls.store import Store
from ecd_data.core.request import Model, Request, Response, request_key

MODEL = Model("org/model", "0123abcd")
GROUP = 64  # responses that are committed together
LOOKUPS = 20_000
WORDS = [
    f"{a}{b}"
    for a in ("pre", "con", "un", "de", "re", "over", "sub")
    for b in ("form", "tain", "mote", "view", "sign")
]


def made_up(number: int) -> tuple[str, Model, Request, Response]:
    """Return a request of some 120 words and an answer of some 100; the number makes it unique."""
    rng = random.Random(number)
    prompt, answer = (" ".join(rng.choices(WORDS, k=words)) for words in (120, 100))
    messages = ({"role": "user", "content": prompt}, {"role": "assistant", "content": answer})
    request = Request("edit", f"{number:016x}", 1, 0, messages, number, 512, 0.7, 0.95)
    return request_key(MODEL, request), MODEL, request, Response(answer, "stop", 160, 140, None)


def seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure the response store beside one JSON file for each response.")
    parser.add_argument("--responses", type=int, default=1_000_000, metavar="N")
    parser.add_argument(
        "--files", type=int, default=20_000, metavar="N", help="responses of the rival (default 20000)"
    )
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "responses.sqlite")
        spent = 0.0
        with Store(path) as store:
            for start in range(0, args.responses, GROUP):
                group = [made_up(n) for n in range(start, min(start + GROUP, args.responses))]
                spent += seconds(lambda group=group: store.put_many(group))  # type: ignore[misc]
        opened = seconds(lambda: Store(path).close())
        size = path.stat().st_size
        with Store(path, read_only=True) as store:
            wanted = [made_up(n)[0] for n in random.Random(1).choices(range(args.responses), k=LOOKUPS)]
            found = [seconds(lambda key=key: store.get(key)) for key in wanted]  # type: ignore[misc]
            missed = [seconds(lambda key=key: store.get(key[::-1])) for key in wanted]  # type: ignore[misc]
        again = seconds(lambda: Store(path).close())

        files = Path(folder, "files")
        files.mkdir()
        wrote = 0.0
        for number in range(args.files):
            key, _, request, response = made_up(number)
            text = json.dumps({"request": request.canonical(), "response": response.canonical()})
            wrote += seconds(lambda key=key, text=text: (files / key).write_text(text))  # type: ignore[misc]
        paths = random.Random(1).choices(sorted(files.iterdir()), k=LOOKUPS)
        read = [seconds(lambda path=path: json.loads(path.read_text())) for path in paths]  # type: ignore[misc]
        blocks = sum(path.stat().st_blocks * 512 for path in files.iterdir())
    print(f"{args.responses} responses in the store, {args.files} as a JSON file each (not synced to the disk)")
    print(f"{'':24}{'store':>12}{'files':>12}")
    print(f"{'taken in, a second':24}{args.responses / spent:12,.0f}{args.files / wrote:12,.0f}")
    print(f"{'found, median ms':24}{median(found) * 1e3:12.3f}{median(read) * 1e3:12.3f}")
    print(f"{'found, 99 % ms':24}{quantiles(found, n=100)[-1] * 1e3:12.3f}{quantiles(read, n=100)[-1] * 1e3:12.3f}")
    print(f"{'not there, median ms':24}{median(missed) * 1e3:12.3f}")
    print(f"{'bytes a response':24}{size / args.responses:12,.0f}{blocks / args.files:12,.0f}")
    print(f"{'opened, s':24}{opened:12.3f}\n{'opened again, s':24}{again:12.3f}")


if __name__ == "__main__":
    main()
