"""What is installed: every package and file, under names that no other distribution has, and one version."""

import ast
import configparser
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from setuptools import find_packages

import inrr_jax
from scripts import commands

ROOT = Path(__file__).parents[2]
MAPPED = {"inrr_jax.configs": "configs", "inrr_jax.scripts": "scripts"}


@pytest.fixture(scope="module")
def metadata():
    parser = configparser.ConfigParser()
    parser.read(ROOT / "setup.cfg")
    return parser


def test_every_package_is_installed(metadata):
    listed = metadata["options"]["packages"].split()
    assert listed == sorted({*find_packages(str(ROOT), include=["inrr_jax", "inrr_jax.*"]), *MAPPED})
    folders = dict(line.split(" = ") for line in metadata["options"]["package_dir"].strip().splitlines())
    assert folders == {"inrr_jax": "inrr_jax", **MAPPED}


def test_every_file_that_is_no_code_is_installed(metadata):
    patterns = {
        path
        for package, globs in metadata["options.package_data"].items()
        for glob in globs.split()
        for path in (ROOT / package.replace(".", "/")).glob(glob)
    }
    ours = {path for path in (ROOT / "inrr_jax").rglob("*") if path.is_file() and path.suffix not in (".py", ".pyc")}
    assert ours
    assert patterns == ours


@pytest.mark.parametrize("folder", MAPPED.values())
def test_configs_and_scripts_name_no_top_level_package_but_ours(folder):
    """Their imports then work in a checkout, where they are top-level packages, as in an installed package."""
    for path in (ROOT / folder).glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and not node.level:
                assert node.module.split(".")[0] not in ("configs", "scripts"), path
            assert folder == "scripts" or not (isinstance(node, ast.ImportFrom) and node.level), path


def test_there_is_one_version(metadata):
    assert metadata["metadata"]["version"] == "attr: inrr_jax.__version__"
    version = inrr_jax.__version__
    assert f"\nversion: {version}\n" in (ROOT / "CITATION.cff").read_text()
    assert re.search(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)[1] == version


def test_every_script_that_runs_is_a_command():
    runs = [path.stem for path in (ROOT / "scripts").glob("*.py") if "__main__" in path.read_text()]
    assert sorted(commands.COMMANDS) == sorted(name for name in runs if name != "commands")


def command(monkeypatch, *arguments):
    monkeypatch.setattr(sys, "argv", ["inrr-jax", *arguments])
    commands.main()


def test_the_command_explains_itself(monkeypatch, capsys):
    for arguments in ((), ("--help",)):
        command(monkeypatch, *arguments)
        printed = capsys.readouterr().out
        assert all(f"  {name} " in printed for name in commands.COMMANDS)
    command(monkeypatch, "--version")
    assert capsys.readouterr().out == f"inrr-jax {inrr_jax.__version__}\n"


def test_an_unknown_command_is_refused_in_one_line(monkeypatch):
    with pytest.raises(
        SystemExit, match=r"^error: command trian is unknown: did you mean train\? accepted are app, compare"
    ):
        command(monkeypatch, "trian")


@pytest.mark.slow
def test_the_wheel_runs_from_any_folder_without_a_checkout(tmp_path):
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(tmp_path), str(ROOT)]
    subprocess.run(build, check=True, cwd=tmp_path)
    (wheel,) = tmp_path.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0] for name in names} == {"inrr_jax", f"inrr_jax-{inrr_jax.__version__}.dist-info"}
    assert {"inrr_jax/py.typed", "inrr_jax/data/baboon.png", "inrr_jax/configs/baboon.py"} < {*names}
    assert wheel.stat().st_size < 5e6
    site = tmp_path / "site"
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(site), str(wheel)]
    subprocess.run(install, check=True)
    (tmp_path / "empty").mkdir()
    run = [str(site / "bin" / "inrr-jax"), "train", "--config=baboon:smoke"]
    ran = subprocess.run(run, cwd=tmp_path / "empty", env={"PYTHONPATH": str(site)}, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    assert (tmp_path / "empty" / "runs" / "baboon-smoke" / "result.json").exists()
