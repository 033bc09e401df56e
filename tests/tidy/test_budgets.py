"""Functions fit a screen, files are read at one sitting, and what is over is on a list that only shrinks."""

import ast

from tests.tidy import allowed
from tests.tidy.source import Function, Source, body_lines, functions, python_files

FUNCTION_MAX = 60
FILE_MAX = 500
TEST_FILE_MAX = 800
PORTS = {"src/launchyard/engine/protocol.py": 10, "src/launchyard/store/protocol.py": 30}
VAGUE_NAMES = ("util", "helper", "common", "manager", "base", "misc", "shared", "tools", "stuff")


def test_functions_fit_a_screen() -> None:
    over = {
        f"{source.name}:{name}": body_lines(function)
        for source in python_files()
        for name, function in functions(source)
        if body_lines(function) > FUNCTION_MAX
    }
    assert over == allowed.FUNCTION_LINES, (
        f"split these, or lower their entry in tests/tidy/allowed.py: {over}"
    )


def test_most_functions_are_short() -> None:
    sizes = sorted(
        body_lines(function)
        for source in python_files()
        if source.name.startswith("src/")
        for _, function in functions(source)
    )
    assert sizes[len(sizes) // 2] <= 10
    assert sizes[len(sizes) * 9 // 10] <= 30


def test_files_can_be_read_at_one_sitting() -> None:
    over = {source.name: source.lines for source in python_files() if source.lines > _file_max(source)}
    assert over == allowed.FILE_LINES, f"split these, or lower their entry in tests/tidy/allowed.py: {over}"


def _file_max(source: Source) -> int:
    return TEST_FILE_MAX if source.name.startswith("tests/") else FILE_MAX


def test_files_are_named_by_nouns_that_mean_something() -> None:
    vague = [
        source.name
        for source in python_files()
        for part in (source.name.rsplit("/", 1)[-1].removesuffix(".py"),)
        if part.rstrip("s") in VAGUE_NAMES
    ]
    assert vague == []


def test_imports_stand_at_the_top_of_the_file() -> None:
    late = {
        source.name: count
        for source in python_files()
        if (count := _late_imports(source.tree, in_function=False))
    }
    assert late == allowed.LATE_IMPORTS


def _late_imports(node: ast.AST, *, in_function: bool) -> int:
    """Import statements inside functions. Only statements hold statements, so expressions are passed over."""
    count = 0
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import | ast.ImportFrom):
            count += in_function
        elif isinstance(child, ast.stmt | ast.ExceptHandler | ast.match_case):
            count += _late_imports(child, in_function=in_function or isinstance(child, Function))
    return count


def test_every_module_of_the_product_says_what_it_is() -> None:
    silent = [
        source.name
        for source in python_files()
        if source.name.startswith("src/") and source.text.strip() and ast.get_docstring(source.tree) is None
    ]
    assert silent == []


def test_ports_stay_small() -> None:
    for source in python_files():
        if source.name in PORTS:
            methods = [name for name, _ in functions(source) if not name.rpartition(".")[2].startswith("_")]
            assert len(methods) <= PORTS[source.name], f"{source.name} has {len(methods)} methods"


def test_tests_wait_for_a_condition_and_not_for_time() -> None:
    sleeping = [
        f"{source.name}:{line}"
        for source in python_files()
        if source.name.startswith("tests/") and "sleep(" in source.text
        for line in _lone_sleeps(source.tree, in_loop=False)
    ]
    assert sleeping == [], "a sleep is for looking again, in a loop that has a deadline"


def _lone_sleeps(node: ast.AST, *, in_loop: bool) -> list[int]:
    """Lines of sleeps outside loops, in the test's own process (a job's `sleep` is text in a string)."""
    found: list[int] = []
    for child in ast.iter_child_nodes(node):
        if (
            isinstance(child, ast.Call)
            and ast.unparse(child.func).rpartition(".")[2] == "sleep"
            and not in_loop
        ):
            # `asyncio.sleep(0)` gives way to others and waits for nothing.
            nothing = child.args and isinstance(child.args[0], ast.Constant) and child.args[0].value == 0
            found.extend([] if nothing else [child.lineno])
        found.extend(
            _lone_sleeps(child, in_loop=in_loop or isinstance(child, ast.While | ast.For | ast.AsyncFor))
        )
    return found


def test_no_test_replaces_the_thing_under_test() -> None:
    mocked = [
        source.name
        for source in python_files()
        for node in source.tree.body
        if isinstance(node, ast.ImportFrom | ast.Import) and "mock" in ast.unparse(node).split()[1].split(".")
    ]
    assert mocked == []
