"""The house: who imports whom, what is never called, how long things are, what says what it is.

`LADDER` is read bottom up: a module imports only from rungs below it, or from its own folder.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

HOUSE = Path(__file__).parent.parent / "matderiv"
FLOORS = (  # title, folder, modules
    (
        "0: causes of failure, heavy libraries, sizes",
        "",
        "errors work lazy arguments shapes",
    ),
    ("1, 2: expressions and functions", "", "expr functions/"),
    (
        "2: their mirror in SymPy",
        "bridge/",
        "sizes functions explicit twins applied build symbolic",
    ),
    ("2: for people", "", "fn"),
    (
        "3: numbers out",
        "numeric/",
        "interpret poles exponentials stable ranges evaluate subgradients "
        "indeterminate draws kinks sampling differences question small_sizes "
        "scaled_lines both_sides report kronecker",
    ),
    ("3: exact numbers", "verification/", "field/"),
    ("3: the text language", "", "language/"),
    (
        "3: texts in",
        "input/",
        "axes builder formulas conjugates tree terms means text_cursor glued notes guesses "
        "meaning/ latex/",
    ),
    ("3: three languages, SymPy", "input/", "text python/ comments spelling misread from_sympy/"),
    ("3: what is asked", "input/", "resolve variables entries answers values"),
    ("4: index products", "tensors/", "tensor"),
    ("4: words of the notation", "", "words/"),
    ("5: down to index products", "tensors/", "lower"),
    ("5: known spellings", "", "calculus/recognise"),
    ("6: back to notation", "", "reducing/"),
    ("6: the choice of the form, layouts, named parts", "", "choosing/"),
    ("7: differentiation", "calculus/", "ties spectral sweeps structure several"),
    ("8: the derivation", "calculus/", "derivative entries"),
    ("9: equations solved", "", "solving/"),
    ("9: means over normal variables", "calculus/", "expectation"),
    ("9: what is asked", "input/", "asking"),
    ("9: checked", "numeric/", "comparison check"),
    (
        "9: verified",
        "verification/",
        "quantities equations claims verdict precise evidence judging valuation guesses",
    ),
    ("9: diagnosed", "verification/", "mistakes/ some_entries verifying batch"),
    ("9: files and prose", "verification/", "documents/"),
    ("9: line by line", "verification/", "derivations/"),
    ("9: explained", "", "views/"),
    ("9: as programs, as graphs", "", "programs/ circuit/"),
    (
        "10: printed",
        "output/",
        "wrapping index_notation latex/ layout to_sympy documents/ graphs/ code/",
    ),
    ("10: asked and answered", "", "doors/ descent/"),
    ("10: the doors", "", "command/ page/ cli __main__ conftest"),
)
FOLDERS = ("bridge", "calculus", "input", "numeric", "output", "tensors", "verification")
LADDER = (
    *(f"{folder}/__init__" for folder in FOLDERS),
    *(folder + module for _, folder, modules in FLOORS for module in modules.split()),
)
TOP = "__init__"  # the package itself: loads the doors at first use
HEAVY = {"numpy", "sympy"}
MAY_IMPORT_SYMPY = {f"bridge/{name}" for name in "functions explicit twins applied build".split()}
FORBIDDEN_CALLS = {"eval", "exec", "compile", "__import__"}
FORBIDDEN_NAMES = {"parse_expr", "lambdify", "pickle", "marshal", "shelve", "system", "popen"}
LONGEST_FILE, LONGEST_FUNCTION, WIDEST_LINE = 400, 40, 100
FILE_EXCEPTIONS: dict[str, int] = {"input/text": 440}  # one parser, one file
FUNCTION_EXCEPTIONS: dict[str, int] = {}

FILES = sorted(HOUSE.rglob("*.py"))


def name_of(path: Path) -> str:
    """matderiv/language/tokens.py is "language/tokens"."""
    return path.relative_to(HOUSE).with_suffix("").as_posix()


def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def rung(module: str) -> int:
    """The place of a module on the ladder: its own, or that of the nearest folder around it."""
    parts = module.split("/")
    places = [module, *("/".join(parts[:k]) + "/" for k in range(len(parts) - 1, 0, -1))]
    found = next((p for p in places if p in LADDER), None)
    assert found, f"{module} is not on the ladder: give it its floor in {__file__}"
    return LADDER.index(found)


def known(dotted: str) -> str:
    """The module behind `matderiv.a.b`; the folder where `b` is one."""
    module = dotted.removeprefix("matderiv").removeprefix(".").replace(".", "/")
    if not module:
        return TOP
    return f"{module}/__init__" if (HOUSE / module).is_dir() else module


def imported(node: ast.AST) -> Iterator[str]:
    """What an import statement loads, as dotted names."""
    if isinstance(node, ast.Import):
        yield from (a.name for a in node.names)
    elif isinstance(node, ast.ImportFrom) and node.module:
        found = known(node.module)
        if node.module.startswith("matderiv") and found.endswith(TOP):
            for a in node.names:
                inside = f"{node.module}.{a.name}"
                path = HOUSE.parent / inside.replace(".", "/")
                yield inside if path.is_dir() or path.with_suffix(".py").exists() else node.module
        else:
            yield node.module


def only_for_types(tree: ast.Module) -> set[ast.AST]:
    """The import statements under `if TYPE_CHECKING`."""
    blocks = [n for n in ast.walk(tree) if isinstance(n, ast.If)]
    typing = [b for b in blocks if isinstance(b.test, ast.Name) and b.test.id == "TYPE_CHECKING"]
    return {statement for block in typing for statement in ast.walk(block)}


def imported_later(node: ast.AST) -> Iterator[str]:
    """The modules that `later("room.one room.other")` loads at first use."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "later":
        (names,) = (a.value for a in node.args if isinstance(a, ast.Constant))
        yield from (f"matderiv.{name}" for name in str(names).split())


def imports(path: Path) -> Iterator[str]:
    tree = tree_of(path)
    skipped = only_for_types(tree)
    for node in ast.walk(tree):
        if node not in skipped:
            yield from imported(node)
        yield from imported_later(node)


each_file = pytest.mark.parametrize("path", FILES, ids=name_of)


def test_the_house_is_there() -> None:
    assert len(FILES) > 40
    assert len(set(LADDER)) == len(LADDER)
    for rungs in LADDER:
        assert (HOUSE / rungs).is_dir() or (HOUSE / f"{rungs}.py").exists(), rungs


@each_file
def test_a_module_imports_only_from_lower_floors(path: Path) -> None:
    name = name_of(path)
    if name == TOP:
        return
    own = rung(name)
    for dotted in imports(path):
        if not dotted.startswith("matderiv"):
            continue
        other = known(dotted)
        if other == TOP:  # only names that need no door
            continue
        same_folder = "/" in name and Path(other).parent == Path(name).parent
        assert rung(other) < own or same_folder, f"{name} imports {other}, which is not below it"


def test_a_name_says_one_thing() -> None:
    """No class name stands twice, and no name of a file in three folders."""
    classes: dict[str, list[str]] = {}
    for path in FILES:
        for node in ast.walk(tree_of(path)):
            if isinstance(node, ast.ClassDef):
                classes.setdefault(node.name, []).append(name_of(path))
    assert not {c: where for c, where in classes.items() if len(where) > 1}
    stems = Counter(path.stem for path in FILES if path.stem != TOP)
    assert not [stem for stem, count in stems.items() if count > 2]


def test_no_two_modules_import_each_other() -> None:
    names = {name_of(p) for p in FILES}
    graph = {name_of(p): {known(d) for d in imports(p)} & names for p in FILES}
    done: set[str] = set()
    while len(done) < len(graph):
        ready = {m for m, needs in graph.items() if m not in done and needs - {m, TOP} <= done}
        assert ready, f"a circle among {sorted(set(graph) - done)}"
        done |= ready


@each_file
def test_no_import_hides_inside_a_function(path: Path) -> None:
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            inner = [n for n in ast.walk(node) if isinstance(n, ast.Import | ast.ImportFrom)]
            assert not inner, f"{name_of(path)}.{node.name} imports inside, line {inner[0].lineno}"


@each_file
def test_heavy_libraries_come_through_the_lazy_door(path: Path) -> None:
    heavy = {d.split(".")[0] for d in imports(path)} & HEAVY
    allowed = {"sympy"} if name_of(path) in MAY_IMPORT_SYMPY else set()
    assert heavy <= allowed, f"{name_of(path)} imports {heavy}: use matderiv.lazy"


@each_file
def test_text_never_reaches_what_would_run_it(path: Path) -> None:
    for node in ast.walk(tree_of(path)):
        words = (
            {a.name for a in node.names} if isinstance(node, ast.Import | ast.ImportFrom) else set()
        )
        if isinstance(node, ast.Name):
            words.add(node.id)
        if isinstance(node, ast.Attribute):
            words.add(node.attr)
        assert not words & FORBIDDEN_NAMES, f"{name_of(path)}: {words & FORBIDDEN_NAMES}"
        if isinstance(node, ast.Call):
            refuse_call(node, name_of(path))


def refuse_call(node: ast.Call, where: str) -> None:
    """eval and its kin never; sympify only with strict=True; no shell."""
    if isinstance(node.func, ast.Name):
        assert node.func.id not in FORBIDDEN_CALLS, f"{where} calls {node.func.id}"
    called = node.func.attr if isinstance(node.func, ast.Attribute) else ""
    true = {k.arg for k in node.keywords if isinstance(k.value, ast.Constant) and k.value.value}
    if called in ("sympify", "S"):
        assert "strict" in true, f"{where}, line {node.lineno}: sympify without strict=True"
    assert "shell" not in true, f"{where} asks for a shell"


@each_file
def test_files_and_functions_are_short(path: Path) -> None:
    lines = path.read_text(encoding="utf-8").splitlines()
    name = name_of(path)
    assert len(lines) <= FILE_EXCEPTIONS.get(name, LONGEST_FILE), f"{name}: {len(lines)} lines"
    assert max(map(len, lines), default=0) <= WIDEST_LINE
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.FunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            most = FUNCTION_EXCEPTIONS.get(f"{name}.{node.name}", LONGEST_FUNCTION)
            assert length <= most, f"{name}.{node.name}: {length} lines"


@each_file
def test_every_module_class_and_public_function_says_what_it_is(path: Path) -> None:
    tree = tree_of(path)
    assert ast.get_docstring(tree), f"{name_of(path)} has no docstring"
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            assert ast.get_docstring(node), f"{name_of(path)}.{node.name} has no docstring"


@pytest.mark.parametrize("module", ["matderiv", "matderiv.input.resolve", "matderiv.doors.derive"])
def test_importing_costs_no_heavy_library(module: str) -> None:
    program = f"import sys, {module}; print(*sorted({{'numpy', 'sympy'}} & set(sys.modules)))"
    found = subprocess.run(
        [sys.executable, "-c", program],
        cwd=HOUSE.parent,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert found.stdout.strip() == ""


def test_the_gates_notice_what_they_are_for(tmp_path: Path) -> None:
    bad = tmp_path / "bad.py"
    bad.write_text("import numpy\n\ndef f():\n    from matderiv.doors.derive import derive\n")
    assert set(imports(bad)) == {"numpy", "matderiv.doors.derive"}
    for text in ("eval('1')", "sp.sympify(x)", "run('id', shell=True)"):
        call = ast.parse(text).body[0]
        assert isinstance(call, ast.Expr)
        assert isinstance(call.value, ast.Call)
        with pytest.raises(AssertionError):
            refuse_call(call.value, "bad")
    with pytest.raises(AssertionError):
        rung("somewhere_else")
