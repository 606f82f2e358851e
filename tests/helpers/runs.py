"""Whole runs against the simulated endpoint."""

import subprocess
import sys

from tests.helpers.in_process import run_module

RECIPE = """
rounds: 2
operations: [style/lower_case, style/no_commas, style/closing_question, format/postscript, format/title]
routes: {edit: 3, fresh: 1}
weave: 0
min_similarity: 0.2
"""


def contents(folder):
    """The files of a folder, by their paths in it."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


class Generate:
    """`generate` on forty seeds into a folder of `tmp_path`, with a response store of its own beside it."""

    def __init__(self, folder):
        self.folder = folder
        (folder / "recipe.yaml").write_text(RECIPE)

    def flags(self, server, name, *more):
        """The command's flags."""
        seeds = ["--seeds", "bundled", "--limit", "40", "--recipe", str(self.folder / "recipe.yaml")]
        where = ["--out", str(self.folder / name), "--responses", str(self.folder / f"{name}.db")]
        return [*seeds, *where, "--endpoint", server.url, *more]

    def start(self, server, name, *more, **how):
        """A process of its own, to be stopped."""
        command = [sys.executable, "-m", "ecd_data.generate", *self.flags(server, name, *more)]
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **how)

    def run(self, server, name, *more):
        """A run to its end: its exit code, and what it printed."""
        done = run_module("ecd_data.generate", *self.flags(server, name, *more))
        return done.returncode, done.stdout + done.stderr

    def __call__(self, server, name, *more):
        """Run the command to its end; the files of its build."""
        code, printed = self.run(server, name, *more)
        assert code == 0, printed
        return contents(self.folder / name)
