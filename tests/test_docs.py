"""The documentation: its site builds without a warning and without the network, and its code runs."""

import dataclasses
import inspect
import re
import subprocess
import sys
from collections.abc import Callable
from html.parser import HTMLParser
from importlib import import_module
from pathlib import Path
from typing import get_type_hints

import pytest

import circuits
import qimg
from qimg.cli import VERBS

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", *sorted(DOCS.glob("*.md")), *sorted(DOCS.glob("[dfg]*/*.md"))]

API_PAGES = sorted(path.stem for path in (DOCS / "api").glob("*.*.md"))


class Page(HTMLParser):
    """What a built page loads, what it defines, and how many formulas it holds."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.loaded: list[str] = []
        self.identifiers: set[str] = set()
        self.formulas = 0
        self.text = ""
        self.feed(path.read_text("utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.formulas += tag == "math"
        self.identifiers.add(given.get("id", ""))
        if tag in ("script", "img", "iframe", "source"):
            self.loaded.append(given.get("src", ""))
        if tag == "link" and given.get("rel") not in ("index", "search", "next", "prev"):
            self.loaded.append(given.get("href", ""))

    def handle_data(self, data: str) -> None:
        self.text += data


def build(folder: Path) -> Path:
    """Build the site, where a warning is an error."""
    command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-E", "-q", "-b", "html"]
    command += ["-d", str(folder / "doctrees"), str(DOCS), str(folder / "html")]
    result = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert result.returncode == 0, result.stderr
    return folder / "html"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site as it is published; nothing is executed for it, so that this takes less than a minute."""
    return build(tmp_path_factory.mktemp("site"))


def is_network(address: str) -> bool:
    return address.startswith(("http:", "https:", "//"))


@pytest.mark.slow
def test_pages_load_nothing_from_the_network(site: Path):
    built = {path: Page(path) for path in site.rglob("*.html")}
    assert len(built) > 20
    assert {path.name: [src for src in page.loaded if is_network(src)] for path, page in built.items()} == {
        path.name: [] for path in built
    }
    styles = [path.read_text("utf-8") for path in (site / "_static").rglob("*.css")]
    assert [
        found for style in styles for found in re.findall(r"(?:@import|url\()\s*[\"']?(?:https?:)?//\S+", style)
    ] == []


@pytest.mark.slow
def test_formulas_are_mathml(site: Path):
    # Rows of the conventions and steps of the theory are mostly formulas; Markdown left as it stood would show dollars.
    assert Page(site / "guide" / "conventions.html").formulas > 30
    assert Page(site / "guide" / "theory.html").formulas > 60
    assert Page(site / "api" / "qimg.channels.html").formulas >= 3
    for page in site.rglob("*.html"):
        assert "mathjax" not in page.read_text("utf-8").lower()


def test_building_the_site_runs_nothing():
    conf = (DOCS / "conf.py").read_text("utf-8")
    assert re.findall(r"^nb_execution_mode = (.*)$", conf, flags=re.MULTILINE) == ['"off"']
    executable = [path.name for path in DOCS.rglob("*.md") if "{code-cell}" in path.read_text("utf-8")]
    assert executable == []


@pytest.mark.slow
def test_notebooks_are_shown_with_their_outputs(site: Path):
    for path in sorted((DOCS / "notebooks").glob("*.ipynb")):
        figures = path.read_text("utf-8").count('"image/png"')
        drawn = [source for source in Page(site / "notebooks" / f"{path.stem}.html").loaded if "_images/" in source]
        assert len(drawn) == figures >= 5


def usages() -> dict[str, str]:
    """The help of every command, by its words."""
    extension = import_module_from(DOCS / "_ext" / "commands.py")
    every = [words for verb in VERBS if verb != "experiments" for words in extension.commands(verb)]
    every += [("experiments", word) for word in ("truncation", "publish", "draw", "document")]
    return {" ".join(words): extension.usage(*words) for words in every}


def options_of(function: Callable[..., object]) -> set[str]:
    """Names of the keyword arguments of a command, those of the dataclasses among them too, as options."""
    names: set[str] = set()
    hints = get_type_hints(function)
    for name, parameter in inspect.signature(function).parameters.items():
        if parameter.kind is parameter.KEYWORD_ONLY or dataclasses.is_dataclass(hints[name]):
            fields = dataclasses.fields(hints[name]) if dataclasses.is_dataclass(hints[name]) else []
            names |= {field.name for field in fields} or {name}
    return {f"--{name.replace('_', '-')}" for name in names}


def command_of(words: str) -> Callable[..., object]:
    """The function behind the words of a command."""
    module = import_module(
        f"qimg.cli.{words.replace(' ', '.')}" if words.startswith("fit") else f"qimg.cli.{words.split()[0]}"
    )
    return module.COMMAND if callable(module.COMMAND) else module.COMMAND[words.split()[1]]


def test_the_help_of_commands_is_plain_text(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("FORCE_COLOR", "1")
    texts = usages()
    assert {words.split()[0] for words in texts} == set(VERBS)
    assert {"fit network", "prior compare", "circuit run"} <= set(texts)
    for words, text in texts.items():
        assert text.startswith(f"usage: qimg {words}")
        assert max(map(len, text.splitlines())) <= 80
        assert "\x1b" not in text
        assert str(Path.home()) not in text


def test_the_help_names_paths_choices_and_units():
    texts = usages()
    for words, text in texts.items():
        first = " ".join(text.partition("\n\n")[0].split())
        assert "STR" not in first
        assert "{None}" not in text, words
    for words, shown in {
        "restore": [
            "SOURCE",
            "OUT",
            "--method {explicit,network}",
            "--tune {psnr,natural}",
            "--effort 1-9",
            "FILE.csv",
        ],
        "encode": ["--size BYTES", "--psnr DB", "--bits-per-pixel BITS", "--codec CODEC"],
        "decode": ["--quality 1-100", "{png,jpg,jpeg,tif,tiff,webp,bmp,ppm,pgm,avif}"],
        "inpaint": ["SOURCE MASK OUT"],
        "denoise": ["--sigma CODE-VALUES"],
        "fit prior": ["--out PATH", "SOURCE ..."],
        "circuit run": ["{row_major,morton,blocks}", "PICTURE"],
        "experiments truncation": ["--images SOURCE ..."],
        "experiments draw": ["TABLE --out PATH"],
    }.items():
        for part in shown:
            assert part in " ".join(texts[words].replace("│", "").split()), (words, part)


def test_the_help_of_commands_has_every_option():
    missing = {
        words: [option for option in options_of(command_of(words)) if option not in text]
        for words, text in usages().items()
        if not words.startswith("experiments")
    }
    assert len(missing) >= 18
    assert {words: options for words, options in missing.items() if options} == {}


@pytest.mark.slow
def test_page_of_the_command_line_has_every_command(site: Path):
    page = Page(site / "guide" / "command_line.html")
    for words, text in usages().items():
        assert f"qimg {words}" in page.text
        assert text in page.text
    assert str(ROOT) not in page.text


@pytest.mark.slow
@pytest.mark.parametrize("room", API_PAGES)
def test_every_public_name_is_documented(site: Path, room: str):
    module = import_module(room)
    public = getattr(module, "__all__", None) or [
        name
        for name, value in vars(module).items()
        if not name.startswith("_")
        and (inspect.isfunction(value) or inspect.isclass(value))
        and value.__module__ == room
    ]
    assert public  # a room with a single public class is one name
    documented = Page(site / "api" / f"{room}.html").identifiers
    # Constants of a package are documented where they are defined, one level further down.
    found = {identifier.rpartition(".")[2] for identifier in documented if identifier.startswith(f"{room}.")}
    assert set(public) - found == set()


@pytest.mark.parametrize("package", [qimg, circuits], ids=lambda package: package.__name__)
def test_api_index_lists_the_packages_names(package: object):
    text = (DOCS / "api" / "index.md").read_text("utf-8")
    names = {name for name in package.__all__ if not inspect.ismodule(getattr(package, name))}
    listed = set(re.findall(r"`(\w+)`", text))
    assert names - listed == set()


def test_every_convention_has_one_test():
    page = (DOCS / "guide" / "conventions.md").read_text("utf-8")
    table = re.findall(r"^\| \*\*(.+?)\*\* \|", page, flags=re.MULTILINE)
    tests = import_module_from(ROOT / "tests" / "test_conventions.py")
    named = [inspect.getdoc(value) for name, value in vars(tests).items() if name.startswith("test_")]
    assert len(table) > 15
    assert named == table


def import_module_from(path: Path) -> object:
    from importlib.util import module_from_spec, spec_from_file_location

    spec = spec_from_file_location(path.stem, path)
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def python_blocks(path: Path) -> list[str]:
    """The ```python blocks of a page, each on the lines where it stands, so that errors name them."""
    text = path.read_text("utf-8")
    blocks = re.finditer(r"^```python\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL)
    return ["\n" * (text[: match.start(1)].count("\n")) + match[1] for match in blocks]


@pytest.mark.slow
@pytest.mark.parametrize("path", [path for path in PAGES if python_blocks(path)], ids=lambda path: path.stem)
def test_code_runs(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    namespace: dict[str, object] = {"__name__": "__main__"}
    blocks = python_blocks(path)
    for block in blocks:
        exec(compile(block, str(path), "exec"), namespace)
    assert len(namespace) > len(blocks)
