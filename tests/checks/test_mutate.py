"""Mutants of a reference: which changes are made, how they are named, what is left alone."""

from __future__ import annotations

import ast
from textwrap import dedent

import pytest
import torch

from autograder.checks.mutate import Mutant, functions_behind, mutants

SOFTMAX = dedent('''
    """The references."""
    import torch


    def untouched(x):  # this comment stays
        return x - 1


    def softmax(logits):
        """Rows sum to 1 - always."""
        shifted = logits - logits.amax(dim=1, keepdim=True)
        exps = shifted.exp()
        return exps / exps.sum(dim=1, keepdim=True)
''')


def changes(body: str, head: str = "def f(x, y):") -> set[str]:
    """What the mutants of a function with this body change, as a person reads it."""
    return {
        mutant.change for mutant in mutants(f"{head}\n" + "".join(f"    {line}\n" for line in body.split("\n")), "f")
    }


def test_a_function_that_the_module_does_not_define_is_an_error():
    with pytest.raises(LookupError, match="hardmax"):
        mutants(SOFTMAX, "hardmax")


def test_a_nested_function_is_not_a_reference():
    with pytest.raises(LookupError):
        mutants("def outer():\n    def f(): return 1\n", "f")


@pytest.mark.parametrize(
    ("body", "change"),
    [
        ("return x - y", "- -> + in x - y"),
        ("return x / y", "/ -> * in x / y"),
        ("return x @ y", "@ -> * in x @ y"),
        ("return x - y", "x - y -> y - x"),
        ("return x / y", "x / y -> x"),
        ("return x < y", "< -> <= in x < y"),
        ("return x is None", "is -> is not in x is None"),
        ("return -x", "-x -> x"),
        ("return x and y", "x and y -> x or y"),
        ("return x[1]", "1 -> 0 in x[1]"),
        ("return x[1:]", "1: -> :"),
        ("return x * 1.0", "1.0 -> 2.0 in x * 1.0"),
        ("return x + 1e-12", "1e-12 -> 0.0 in x + 1e-12"),
        ("return x.sum(dim=1)", "dim=1 -> dim=0 in x.sum(dim=1)"),
        ("return x.sum(dim=-1)", "dim=-1 -> dim=0 in x.sum(dim=-1)"),
        ("return x.sum(1)", "1 -> 0 in x.sum(1)"),
        ("return x.sum(dim=1)", "dropped: dim=1 in x.sum(dim=1)"),
        ("return x.mean(dim=(0, 1))", "dim=(0, 1) -> dim=(0,) in x.mean(dim=(0, 1))"),
        ("return x.sum(1, keepdim=True)", "keepdim=True -> keepdim=False in x.sum(1, keepdim=True)"),
        ("return f(x, reduction='sum')", "reduction='sum' -> reduction='mean' in f(x, reduction='sum')"),
        ("return x.sum()", "sum -> mean in x.sum()"),
        ("return torch.exp(x)", "exp -> log in torch.exp(x)"),
        ("return torch.exp(x)", "torch.exp(x) -> x"),
        ("return x.detach()", "x.detach() -> x"),
        ("return torch.where(x, y)", "torch.where(x, y) -> torch.where(y, x)"),
        ("x.add_(y)", "add_ -> sub_ in x.add_(y)"),
        ("x.add_(y)", "add_ -> add in x.add_(y)"),
        ("x -= y", "x -= y -> x += y"),
        ("x -= y", "x -= y -> x = x - y"),
        ("x.grad = None", "dropped: x.grad = None"),
        ("with torch.no_grad():\n    x -= y", "removed: with torch.no_grad()"),
        ("if x < y:\n    x = y", "negated: if x < y"),
        ("for p in x:\n    continue\n    y", "continue -> break"),
        ("for p in x:\n    p.grad = y", "only one turn: for p in x"),
        ("return [a for a in x if a < y]", "negated: if a < y"),
        ("return x + y", "return x + y -> return (x + y).detach()"),
    ],
)
def test_what_students_get_wrong_is_tried(body, change):
    assert change in changes(body)


def test_a_decorator_is_removed():
    assert "removed: @torch.no_grad() of f" in changes("x -= y", head="@torch.no_grad()\ndef f(x, y):")


def test_flipping_and_dropping_keepdim_is_one_mutant():
    assert not any(change.startswith("dropped: keepdim") for change in changes("return x.sum(1, keepdim=True)"))


def test_docstrings_annotations_and_error_messages_are_left_alone():
    head = 'def f(x: "A - B" = None) -> Tensor[1]:'
    body = '"""1 - 1"""\nif x:\n    raise ValueError("at least", 1)'
    assert changes(body, head) == {
        "dropped: if x",
        "always: if x",
        "negated: if x",
        "dropped: raise ValueError('at least', 1)",
    }


def test_two_places_with_the_same_change_are_numbered():
    assert {"-x -> x", "-x -> x #2"} <= changes("a = -x\nreturn a * -x")


def test_no_two_mutants_are_the_same_code():
    trees = [ast.dump(ast.parse(mutant.source)) for mutant in mutants(SOFTMAX, "softmax")]
    assert len(trees) == len(set(trees))
    assert ast.dump(ast.parse(SOFTMAX)) not in trees


def test_a_change_that_compiles_to_the_original_is_left_out():
    assert not any("-0" in change for change in changes("return x[-0]") if " -> 0" in change)


def test_a_change_that_does_not_compile_is_left_out():
    for mutant in mutants("def f(x):\n    for a in x:\n        return a\n        break\n", "f"):
        compile(mutant.source, "mutant", "exec")


def test_only_the_function_itself_is_changed():
    original = SOFTMAX[: SOFTMAX.index("def softmax")]
    assert all(mutant.source.startswith(original) for mutant in mutants(SOFTMAX, "softmax"))


def test_a_mutant_runs_and_is_wrong():
    (mutant,) = (m for m in mutants(SOFTMAX, "softmax") if m.change.startswith("dim=1 -> dim=0 in exps.sum"))
    namespace: dict = {}
    exec(mutant.source, namespace)
    torch.testing.assert_close(namespace["softmax"](torch.randn(3, 4)).sum(dim=0), torch.ones(4))


def test_names_stay_the_same_when_lines_move():
    def names(source: str) -> list[tuple[str, str]]:
        return [(mutant.id, mutant.key) for mutant in mutants(source, "softmax")]

    moved = "# a comment\n\n" + SOFTMAX
    assert names(moved) == names(SOFTMAX)
    assert mutants(moved, "softmax")[0].line == mutants(SOFTMAX, "softmax")[0].line + 2


def test_ids_are_distinct():
    found = mutants(SOFTMAX, "softmax")
    assert len({mutant.id for mutant in found}) == len(found) > 20


def test_the_description_names_the_line_of_the_file():
    line = SOFTMAX.splitlines().index("    exps = shifted.exp()") + 1
    assert f"line {line}: exp -> log in shifted.exp()" in [m.description for m in mutants(SOFTMAX, "softmax")]


def test_methods_of_a_module_are_mutated_and_the_class_still_builds():
    source = dedent('''
        from torch import nn


        class Net(nn.Module):
            """A net."""

            def __init__(self, width):
                super().__init__()
                self.first = nn.Linear(2, width, bias=True)

            def forward(self, x):
                return self.first(x).relu()
    ''')
    found = {mutant.change: mutant for mutant in mutants(source, "Net")}
    assert "dropped: super().__init__()" in found
    namespace: dict = {"__name__": "references"}
    exec(found["bias=True -> bias=False in nn.Linear(2, width, bias=True)"].source, namespace)
    assert namespace["Net"](3).first.bias is None
    assert "relu -> tanh in self.first(x).relu()" in found


def test_functions_that_a_reference_uses_are_behind_it_and_other_exercises_are_not():
    source = dedent("""
        def _inner(x): return -x
        def _outer(x): return _inner(x) + torch.ones(1)
        def _unused(x): return x
        def other(x): return _inner(x)
        def f(x): return _outer(x) + other(x)
    """)
    assert functions_behind(source, "f", {"f", "other"}) == ("f", "_outer", "_inner")


def test_the_key_names_the_exercise():
    assert Mutant("softmax", "sign", "-x -> x", 3, "").key == "softmax: -x -> x"
