"""What students see of a reference, and what nbgrader is given to take away."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest

from autograder.errors import ReleaseError
from autograder.release.stubs import Template, import_line, missing_names, plain_python, read_templates


def template(tmp_path: Path, source: str, name: str = "f") -> Template:
    path = tmp_path / "ps1.py"
    path.write_text(dedent(source).lstrip())
    return read_templates(path, [name])[name]


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("def f(x): return x + x\n", "line 1: the body of `f` stands on the line of its signature; start a new line"),
        ('def f(x):\n    """Twice."""; return x + x\n', "line 2: code on the line of the docstring of `f`"),
        ('def f(x):\n    """Twice."""\n', "line 1: `f` has no body; write the reference"),
        ("def f(x):\n    ### BEGIN SOLUTION\n    return x\n", "line 2: a solution marker in `f`; remove it"),
    ],
)
def test_a_reference_that_cannot_be_cut_is_refused_with_its_line(tmp_path: Path, source: str, reason: str) -> None:
    with pytest.raises(ReleaseError) as caught:
        template(tmp_path, source)
    assert reason in str(caught.value)


def test_a_stub_is_decorators_signature_and_docstring(tmp_path: Path) -> None:
    made = template(
        tmp_path,
        '''
        @cache
        def f(
            x: Tensor,  # (N, C)
            *,
            key=lambda pair: pair[0],
        ) -> dict[str, int]:  # by heart
            # not for students
            """Twice: the double.

            x: a number.
            """
            # the trick
            y = x + x

            return y


        print("after")
        ''',
    )
    head = '''\
@cache
def f(
    x: Tensor,  # (N, C)
    *,
    key=lambda pair: pair[0],
) -> dict[str, int]:
    """Twice: the double.

    x: a number.
    """
'''
    assert made.stub == head + "    # YOUR CODE HERE\n    raise NotImplementedError()"
    assert made.full == (
        head + "    ### BEGIN SOLUTION\n    # the trick\n    y = x + x\n\n    return y\n    ### END SOLUTION"
    )


def test_a_reference_without_docstring_gets_a_stub_too(tmp_path: Path) -> None:
    assert template(tmp_path, "def f(x):\n    return 1\n").stub == (
        "def f(x):\n    # YOUR CODE HERE\n    raise NotImplementedError()"
    )


def test_a_class_keeps_its_public_methods_and_its_bare_annotations(tmp_path: Path) -> None:
    made = template(
        tmp_path,
        '''
        class Net(Module):
            """Two layers."""

            width: int
            secret_width = 7

            def __init__(self, width: int) -> None:
                """Make the layers."""
                self.width = width

            @staticmethod
            def _trick(x):
                return x * 3

            @property
            def size(self):
                return self.width * 2
        ''',
        "Net",
    )
    assert (
        made.stub
        == '''\
class Net(Module):
    """Two layers."""
    width: int

    def __init__(self, width: int) -> None:
        """Make the layers."""
        # YOUR CODE HERE
        raise NotImplementedError()

    @property
    def size(self):
        # YOUR CODE HERE
        raise NotImplementedError()'''
    )
    assert "return x * 3" in made.full
    assert "secret_width = 7" in made.full


def test_a_class_and_its_full_text_mean_the_same(tmp_path: Path) -> None:
    source = '''
    class Net:
        """Two layers."""

        scale = 7

        def _trick(self, x):
            return x * self.scale

        def run(self, x):
            return self._trick(x) + 1

        def again(self, x):
            return self.run(self.run(x))
    '''
    defined: dict[str, type] = {}
    exec(template(tmp_path, source, "Net").full, defined)
    assert defined["Net"]().again(1) == 57


def test_a_class_without_public_methods_is_one_region(tmp_path: Path) -> None:
    made = template(tmp_path, 'class Net:\n    """A box."""\n\n    size = 3\n', "Net")
    assert made.stub == 'class Net:\n    """A box."""\n    # YOUR CODE HERE\n    raise NotImplementedError()'


@pytest.mark.parametrize(
    ("stub", "missing"),
    [
        ("def f(x: Tensor, *rest: Rest, **more: More) -> list[Out]: pass", ["More", "Out", "Rest", "Tensor"]),
        ("@cache\ndef f(x=DEFAULT, *, y=OTHER): pass", ["DEFAULT", "OTHER", "cache"]),
        (
            "class f(Module, metaclass=Meta):\n    w: Width\n    def g(self, x: f): pass",
            ["Meta", "Module", "Width", "f"],
        ),
        ("def f(x: 'Later', y: int | None = None) -> dict[str, float]: pass", []),
    ],
)
def test_names_that_python_needs_to_define_a_stub_are_found(stub: str, missing: list[str]) -> None:
    assert missing_names(stub, ["import torch"]) == missing


@pytest.mark.parametrize(
    "code",
    [
        "from torch import Tensor",
        "from torch import *",
        "import torch as Tensor",
        "Tensor = 1",
        "def Tensor(): pass",
        "for Tensor in []: pass",
        "%matplotlib inline\nfrom torch import Tensor",
    ],
)
def test_names_defined_above_a_stub_are_not_missing(code: str) -> None:
    assert missing_names("def f(x: Tensor): pass", ["import torch", code]) == []


def test_a_name_that_is_only_local_to_a_function_above_is_missing() -> None:
    assert missing_names("def f(x: Tensor): pass", ["def g():\n    Tensor = 1"]) == ["Tensor"]


def test_the_import_of_a_name_is_found_in_the_references(tmp_path: Path) -> None:
    path = tmp_path / "ps1.py"
    path.write_text("import torch.nn as nn\nimport os\nfrom torch import Tensor, Size as S\n")
    assert [import_line(path, name) for name in ("nn", "os", "Tensor", "S", "x")] == [
        "import torch.nn as nn",
        "import os",
        "from torch import Tensor",
        "from torch import Size as S",
        "",
    ]


def test_magics_are_turned_into_python() -> None:
    compile(plain_python("%matplotlib inline\n!ls\nx = 1"), "cell", "exec")
