"""Wheel and sdist hold the package and nothing else, and it works however it is installed, whatever lies beside it."""

import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import venv
from pathlib import Path
from zipfile import ZipFile

import pytest

from ecd_data.artifact.validation import validate_build
from tests.helpers.fake_endpoint import FakeServer

pytestmark = pytest.mark.subprocess

ROOT = Path(__file__).parents[1]
NAMES = ("builders", "trainers", "cards")
WRONG = "raise ImportError('this package is another one')\n"


def pip(*arguments):
    """Run the pip of this environment, which asks no index."""
    done = subprocess.run([sys.executable, "-m", "pip", *map(str, arguments)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def install(python, *what):
    """Install without dependencies into the environment of another Python."""
    pip("--python", python, "install", "--no-deps", "--no-index", "--no-build-isolation", *what)


def clone(folder):
    """A copy of the repository, to build from and to stand in."""
    left_out = shutil.ignore_patterns(".*", "__pycache__", "tests", "benchmarks", "build", "demo", "*.egg-info")
    return shutil.copytree(ROOT, folder / "clone", symlinks=True, ignore=left_out)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    pip("wheel", "--no-deps", "--no-index", "--no-build-isolation", "--wheel-dir", folder, clone(folder))
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def package():
    """The files of the package; `builders`, `trainers` and `cards` in it are links to folders beside it."""
    walked = os.walk(ROOT / "ecd_data", followlinks=True)
    files = {Path(folder, name).relative_to(ROOT).as_posix() for folder, _, names in walked for name in names}
    return {file for file in files if not file.endswith(".pyc")}


@pytest.fixture
def new_python(tmp_path):
    """The Python of an environment that has all libraries of this one, but not our package."""
    venv.create(tmp_path / "venv", with_pip=False)
    site = Path(sysconfig.get_path("purelib", "venv", {"base": str(tmp_path / "venv")}))
    (site / "libraries.pth").write_text(f"{sysconfig.get_path('purelib')}\n{sysconfig.get_path('platlib')}\n")
    return tmp_path / "venv" / "bin" / "python"


@pytest.fixture
def works(tmp_path):
    """Has a command print its help and generate pairs, in a folder of one's choice."""
    server = FakeServer()

    def run(*command, cwd):
        def start(*arguments):
            env = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
            command_line = [*map(str, (*command, *arguments))]
            done = subprocess.run(command_line, cwd=cwd, env=env, capture_output=True, text=True)
            assert done.returncode == 0, done.stderr
            return done.stdout

        assert "--endpoint" in start("--help")
        recipe = tmp_path / "recipe.yaml"
        recipe.write_text("{operations: [style/*_case], routes: {repair: 1}, rounds: 1, splits: {train: 1.0}}")
        flags = ["--seeds", "bundled", "--limit", "2", "--recipe", recipe, "--endpoint", server.url]
        start(*flags, "--responses", tmp_path / "r.sqlite", "--out", tmp_path / "build")
        assert validate_build(tmp_path / "build").rows["preference"]["train"] > 0

    yield run
    server.stop()


def test_a_wheel_holds_the_files_of_the_package_and_nothing_else(wheel, package):
    assert {name for name in ZipFile(wheel).namelist() if ".dist-info/" not in name} == package
    assert {"ecd_data/builders/ecd.py", "ecd_data/trainers/recipes/gpu.yaml", "ecd_data/cards/ecd.md.jinja"} < package


def test_an_sdist_holds_them_as_files(tmp_path, package):
    build = "import sys; from setuptools.build_meta import build_sdist; build_sdist(sys.argv[1])"
    subprocess.run([sys.executable, "-c", build, tmp_path], cwd=clone(tmp_path), check=True, capture_output=True)
    with tarfile.open(next(tmp_path.glob("*.tar.gz"))) as sdist:
        files = {member.name.partition("/")[2] for member in sdist.getmembers() if member.isfile()}
    assert {name for name in files if name.startswith("ecd_data/")} == package


def test_a_wheel_works_beside_packages_of_the_same_names(wheel, new_python, works, tmp_path):
    install(new_python, wheel)
    (site,) = new_python.parents[1].glob("lib/python*/site-packages")
    for name in NAMES:
        (site / name).mkdir()
        (site / name / "__init__.py").write_text(WRONG)
    works(new_python.parent / "ecd", "generate", cwd=tmp_path)


def test_folders_of_the_same_names_in_the_working_directory_do_no_harm(wheel, new_python, works, tmp_path):
    install(new_python, wheel)
    for name in NAMES:
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text(WRONG)
    works(new_python, "-m", "ecd_data.generate", cwd=tmp_path)


def test_an_editable_installation_works(new_python, works, tmp_path):
    install(new_python, "--editable", clone(tmp_path))
    works(new_python.parent / "ecd", "generate", cwd=tmp_path)


def test_a_plain_installation_works_from_the_root_of_the_clone(new_python, works, tmp_path):
    root = clone(tmp_path)
    install(new_python, root)
    works(new_python, "-m", "ecd_data.generate", cwd=root)
