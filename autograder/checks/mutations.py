"""What can go wrong at one node of a syntax tree: the operators of the mutants, after what students get wrong."""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator
from dataclasses import dataclass

_LIBRARIES = {"torch", "F", "nn", "functional", "np", "numpy", "math", "pd", "pandas"}
_NOT_DROPPED = {"keepdim", "keepdims"}  # flipping them is the same change
_OPERATORS: dict[type[ast.operator], tuple[type[ast.operator], ...]] = {
    ast.Add: (ast.Sub,),
    ast.Sub: (ast.Add,),
    ast.Mult: (ast.Div,),
    ast.Div: (ast.Mult,),
    ast.FloorDiv: (ast.Div,),
    ast.Mod: (ast.FloorDiv,),
    ast.Pow: (ast.Mult,),
    ast.MatMult: (ast.Mult,),
}
_COMPARISONS: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Lt: (ast.LtE, ast.Gt),
    ast.LtE: (ast.Lt, ast.GtE),
    ast.Gt: (ast.GtE, ast.Lt),
    ast.GtE: (ast.Gt, ast.LtE),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
}
_SIGNS: dict[type[ast.AST], str] = {
    ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.FloorDiv: "//", ast.Mod: "%", ast.Pow: "**",
    ast.MatMult: "@", ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=", ast.Eq: "==", ast.NotEq: "!=",
    ast.Is: "is", ast.IsNot: "is not", ast.In: "in", ast.NotIn: "not in",
}  # fmt: skip
_PAIRS = (
    ("sum", "mean"), ("amax", "amin"), ("max", "min"), ("argmax", "argmin"), ("exp", "log"), ("add_", "sub_"),
    ("mul_", "div_"), ("add", "sub"), ("mul", "div"), ("zeros_like", "ones_like"), ("zeros", "ones"), ("rand", "randn"),
    ("maximum", "minimum"), ("eq", "ne"), ("lt", "gt"), ("le", "ge"), ("any", "all"), ("var", "std"),
    ("unsqueeze", "squeeze"), ("softmax", "log_softmax"), ("relu", "tanh"), ("sin", "cos"), ("floor", "ceil"),
    ("cumsum", "cumprod"), ("train", "eval"), ("hstack", "vstack"), ("cat", "stack"),
)  # fmt: skip
_WORDS = {a: b for pair in _PAIRS for a, b in (pair, pair[::-1])} | {"sqrt": "square", "abs": "neg", "log1p": "log"}
_SYMMETRIC = {"transpose", "swapaxes", "swapdims", "isinstance", "getattr", "hasattr", "zip", "maximum", "minimum"}


@dataclass(frozen=True)
class Change:
    """One change at one node: what to put there instead (nothing: drop it) and how a person reads it."""

    kind: str
    text: str
    new: tuple[ast.AST, ...] = ()


def changes_of(node: ast.AST, enclosing: ast.AST | None) -> Iterator[Change]:
    """The changes of `node` itself, not of the nodes below it. `enclosing` is the expression or statement around it."""
    match node:
        case ast.stmt():
            yield from _of_statement(node)
        case ast.Call():
            yield from _of_call(node, is_statement=isinstance(enclosing, ast.Expr))
        case ast.keyword():
            yield from (_within(enclosing, change) for change in _of_keyword(node))
        case ast.Constant():
            yield from (_within(enclosing, _swap("constant", node, ast.Constant(v))) for v in _other_values(node.value))
        case ast.comprehension():
            for test in node.ifs:
                yield Change("condition", f"negated: if {_shown(test)}", (_with_negated(node, test),))
        case ast.expr():
            yield from _of_expression(node)


def _of_statement(node: ast.stmt) -> Iterator[Change]:
    if not isinstance(node, ast.FunctionDef | ast.ClassDef | ast.Pass | ast.Import | ast.ImportFrom | ast.With):
        yield Change("statement", f"dropped: {_shown(node)}")
    match node:
        case ast.With(body=body):
            yield Change("context", f"removed: {_shown(node)}", tuple(body))
        case ast.FunctionDef(decorator_list=decorators) | ast.ClassDef(decorator_list=decorators):
            for one in decorators:
                rest = [decorator for decorator in decorators if decorator is not one]
                text = f"removed: @{_shown(one)} of {node.name}"
                yield Change("decorator", text, (_copy(node, decorator_list=rest),))
        case ast.If(test=test, body=body):
            yield Change("condition", f"always: {_shown(node)}", tuple(body))
            if not _is_negated_elsewhere(test):
                yield Change("condition", f"negated: {_shown(node)}", (_copy(node, test=_negated(test)),))
        case ast.For(body=body) if not isinstance(body[-1], ast.Return | ast.Break | ast.Continue):
            yield Change("loop", f"only one turn: {_shown(node)}", (_copy(node, body=[*body, ast.Break()]),))
        case ast.Continue():
            yield _swap("loop", node, ast.Break())
        case ast.Break():
            yield _swap("loop", node, ast.Continue())
        case ast.Return(value=value) if value is not None and not isinstance(value, ast.Constant):
            for method in ("detach", "float"):
                yield _swap("return", node, _copy(node, value=_call_of(value, method)))
        case ast.AugAssign(target=target, op=op, value=value):
            for other in _OPERATORS.get(type(op), ()):
                yield _swap("operator", node, _copy(node, op=other()))
            plain = ast.Assign([target], ast.BinOp(target, op, value), lineno=node.lineno)
            yield _swap("in place", node, plain)


def _of_expression(node: ast.expr) -> Iterator[Change]:
    match node:
        case ast.BinOp(left=left, op=op, right=right):
            for other in _OPERATORS.get(type(op), ()):
                text = f"{_SIGNS[type(op)]} -> {_SIGNS[other]} in {_shown(node)}"
                yield Change("operator", text, (_copy(node, op=other()),))
            yield _swap("operand", node, left)
            yield _swap("operand", node, right)
            if not isinstance(op, ast.Add | ast.Mult):
                yield _swap("order", node, ast.BinOp(right, op, left))
        case ast.Compare(ops=[op]):
            for compare in _COMPARISONS[type(op)]:
                text = f"{_SIGNS[type(op)]} -> {_SIGNS[compare]} in {_shown(node)}"
                yield Change("comparison", text, (_copy(node, ops=[compare()]),))
        case ast.BoolOp(op=op, values=values):
            yield _swap("condition", node, _copy(node, op=ast.Or() if isinstance(op, ast.And) else ast.And()))
            yield from (_swap("condition", node, value) for value in values)
        case ast.UnaryOp(op=ast.USub() | ast.Not() | ast.Invert(), operand=operand):
            yield _swap("sign", node, operand)
        case ast.IfExp(body=body, orelse=orelse):
            yield from (_swap("condition", node, branch) for branch in (body, orelse))
            yield _swap("condition", node, _copy(node, body=orelse, orelse=body))
        case ast.Subscript(value=value, ctx=ast.Load()):
            yield _swap("index", node, value)
        case ast.Slice(lower=lower, upper=upper, step=step):
            for field, bound in (("lower", lower), ("upper", upper), ("step", step)):
                if bound is not None:
                    yield _swap("index", node, _copy(node, **{field: None}))
        case ast.Tuple(elts=items, ctx=ast.Load()):
            yield from (_swap("order", node, _copy(node, elts=swapped)) for swapped in _neighbours_swapped(items))
        case ast.Attribute(value=value, attr="T" | "mT" | "data" | "grad" | "values" | "indices", ctx=ast.Load()):
            yield _swap("attribute", node, value)


def _of_call(node: ast.Call, is_statement: bool) -> Iterator[Change]:
    """Another function, its arguments in another order, or no call at all: `x.detach() -> x`, `f(x) -> x`."""
    func = node.func
    name = func.attr if isinstance(func, ast.Attribute) else func.id if isinstance(func, ast.Name) else ""
    for other in _other_names(name):
        renamed = _copy(func, **{"attr" if isinstance(func, ast.Attribute) else "id": other})
        yield Change("function", f"{name} -> {other} in {_shown(node)}", (_copy(node, func=renamed),))
    if name not in _SYMMETRIC:
        yield from (_swap("order", node, _copy(node, args=swapped)) for swapped in _neighbours_swapped(node.args))
    inner = func.value if isinstance(func, ast.Attribute) and not _is_library(func.value) else None
    inner = inner or (node.args[0] if node.args and not isinstance(node.args[0], ast.Starred) else None)
    if inner is not None and not is_statement:
        yield _swap("call", node, inner)


def _of_keyword(node: ast.keyword) -> Iterator[Change]:
    """Another value of a keyword argument, and the call without it: `dim=1 -> dim=0`."""
    value = node.value
    if isinstance(value, ast.Constant):
        for other in _other_values(value.value):
            yield _swap("keyword", node, _copy(node, value=ast.Constant(other)))
    elif isinstance(value, ast.UnaryOp) and isinstance(value.operand, ast.Constant):
        for unsigned in (value.operand.value, 0):
            yield _swap("keyword", node, _copy(node, value=ast.Constant(unsigned)))
    elif isinstance(value, ast.Tuple) and len(value.elts) > 1:
        for one in value.elts:
            rest = [item for item in value.elts if item is not one]
            yield _swap("keyword", node, _copy(node, value=_copy(value, elts=rest)))
    if node.arg is not None and node.arg not in _NOT_DROPPED:
        yield Change("keyword", f"dropped: {_shown(node)}")


def _other_values(value: object) -> Iterator[bool | int | float | str]:
    if isinstance(value, bool):
        yield not value
    elif isinstance(value, int):
        yield from (value - 1, value + 1) if value else (1,)
    elif isinstance(value, float):
        yield 0.0 if 0 < abs(value) < 1e-3 else value * 2 or 1.0
    elif isinstance(value, str) and value in _WORDS:
        yield _WORDS[value]


def _other_names(name: str) -> Iterator[str]:
    if name in _WORDS:
        yield _WORDS[name]
    if name.endswith("_") and not name.endswith("__"):
        yield name.removesuffix("_")


def _neighbours_swapped(items: list[ast.expr]) -> Iterator[list[ast.expr]]:
    if not any(isinstance(item, ast.Starred) for item in items):
        for at in range(len(items) - 1):
            yield [*items[:at], items[at + 1], items[at], *items[at + 2 :]]


def _is_library(node: ast.expr) -> bool:
    """Whether the expression names a module, such as torch.nn.functional."""
    while isinstance(node, ast.Attribute):
        node = node.value
    return isinstance(node, ast.Name) and node.id in _LIBRARIES


def _is_negated_elsewhere(test: ast.expr) -> bool:
    """Whether a change of the test itself already turns it into its opposite."""
    opposite = ast.Is | ast.IsNot | ast.Eq | ast.NotEq | ast.In | ast.NotIn
    if isinstance(test, ast.Compare):
        return len(test.ops) == 1 and isinstance(test.ops[0], opposite)
    return isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not)


def _call_of(value: ast.expr, method: str) -> ast.expr:
    return ast.Call(ast.Attribute(value, method, ast.Load()), [], [])


def _negated(test: ast.expr) -> ast.expr:
    return ast.UnaryOp(ast.Not(), test)


def _with_negated(node: ast.comprehension, test: ast.expr) -> ast.AST:
    return _copy(node, ifs=[_negated(one) if one is test else one for one in node.ifs])


def _copy(node: ast.AST, **changed: object) -> ast.AST:
    """A shallow copy of the node with some fields changed; the nodes below are shared and stay as they are."""
    copied = copy.copy(node)
    for field, value in changed.items():
        setattr(copied, field, value)
    return copied


def _swap(kind: str, old: ast.AST, new: ast.AST) -> Change:
    return Change(kind, f"{_shown(old)} -> {_shown(new)}", (new,))


def _within(enclosing: ast.AST | None, change: Change) -> Change:
    return Change(change.kind, f"{change.text} in {_shown(enclosing)}" if enclosing else change.text, change.new)


def _shown(node: ast.AST) -> str:
    """The node as a person writes it; of a statement with a body, its first line."""
    if isinstance(node, ast.stmt) and hasattr(node, "body"):
        lines = (line for line in ast.unparse(node).splitlines() if line.strip() and not line.startswith("@"))
        return next(lines).removesuffix(":")
    return " ".join(ast.unparse(ast.fix_missing_locations(node)).split())
