"""`ecd <verb> ...`: the same code as `python -m ecd_data.<verb> ...`."""

import sys
from importlib import import_module

VERBS = {
    "generate": "seeds to a build directory of verified preference pairs",
    "publish": "a build directory (or seeds, built first) to one commit on the Hub",
    "calibrate": "how reliable a judge is, against answers that code knows",
    "evaluate": "how well a model meets requirements: a test split, IFEval, IFBench",
    "responses": "the response store: stats, export, import, gc",
    "validate": "check a build directory or a published dataset",
    "verify": "prove a release: hashes, rows, card, load_dataset, and a replay of every byte",
    "compare": "what differs between two builds or revisions",
    "report": "a build or a published dataset as one HTML page",
    "local": "a text-generation endpoint and a Hub on this machine",
    "demo": "the whole loop on the local services",
}


def main() -> int:
    """Run the verb that the first argument names."""
    if len(sys.argv) > 1 and sys.argv[1] in VERBS:
        verb = sys.argv.pop(1)
        sys.argv[0] = f"ecd {verb}"
        module = import_module("ecd_data.local.__main__" if verb == "local" else f"ecd_data.{verb}")
        return module.main()
    verbs = "\n".join(f"  {verb:<10} {summary}" for verb, summary in VERBS.items())
    usage = f"usage: ecd <verb> [flags]\n\n{verbs}\n\n`ecd <verb> --help` says more."
    if sys.argv[1:] in ([], ["-h"], ["--help"]):
        print(usage)
        return 0 if sys.argv[1:] else 2
    print(f"ecd: unknown verb {sys.argv[1]!r}\n\n{usage}", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
