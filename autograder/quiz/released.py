"""What a released quiz runs in the student's notebook: which variant is shown, and has an answer the right form?

`grader release` copies the source of these functions into the notebook, and the grader calls the same ones, so both
sides agree. They are plain Python, import nothing of ours and know no answer. A form check gives "" where the form is
right, else what is wanted.
"""

from __future__ import annotations

import hashlib
from typing import Any


def variant_number(assignment: str, name: str, student: str, count: int) -> int:
    """Which of a question's variants a student gets, from 0."""
    key = f"{assignment}/{name}/{student.strip().lower()}"
    return int(hashlib.sha256(key.encode("utf-8", "backslashreplace")).hexdigest(), 16) % count


def plain(answer: Any) -> Any:
    """An answer in plain Python: tensors and arrays as lists, sizes as tuples, dtypes and devices by their names."""
    if type(answer).__name__ in ("dtype", "device"):
        return str(answer)
    if hasattr(answer, "tolist"):
        return answer.tolist()
    return tuple(answer) if isinstance(answer, tuple) else answer


class PlainError(AssertionError):
    """An error that a notebook shows as its one sentence, without the code that led to it."""

    def _render_traceback_(self) -> list[str]:
        return [str(self)]


def check_form(name: str, answer: Any, form: Any, *details: Any) -> None:
    """Say whether an answer can be read. Whether it is right, your feedback will say."""
    if answer is ... or answer is None:
        print(f"{name}: not answered yet.")
        return
    wanted = form(plain(answer), *details)
    if wanted:
        raise PlainError(f"{name}: this answer cannot be read; {wanted}.")
    print(f"{name}: this answer can be read. Whether it is right, your feedback will say.")


def form_letter(answer: Any, letters: str) -> str:
    """One letter."""
    is_fine = isinstance(answer, str) and len(answer) == 1 and answer.lower() in letters
    return "" if is_fine else f'write one letter from {letters[0]} to {letters[-1]} in quotes, such as "{letters[0]}"'


def form_letters(answer: Any, letters: str) -> str:
    """A set of letters, which may be empty."""
    is_fine = isinstance(answer, (set, frozenset, list, tuple)) or answer == {}
    is_fine = is_fine and all(isinstance(one, str) and len(one) == 1 and one.lower() in letters for one in answer)
    wanted = f'{{"{letters[0]}", "{letters[-1]}"}}'
    return "" if is_fine else f"write a set of letters from {letters[0]} to {letters[-1]}, such as {wanted}"


def form_truth(answer: Any) -> str:
    """True or False."""
    return "" if isinstance(answer, bool) else "write True or False, without quotes"


def form_number(answer: Any) -> str:
    """A finite number."""
    is_fine = isinstance(answer, (int, float)) and not isinstance(answer, bool) and abs(answer) < 1e300
    return "" if is_fine else "write a number without quotes, such as 12.5"


def form_integer(answer: Any) -> str:
    """A whole number."""
    is_fine = isinstance(answer, int) and not isinstance(answer, bool) and abs(answer) < 1e300
    return "" if is_fine else "write a whole number without quotes and without a point, such as 99"


def form_shape(answer: Any) -> str:
    """A tuple of whole numbers; of one number with its comma."""
    is_fine = isinstance(answer, tuple) and all(type(size) is int and 0 <= size < 1e300 for size in answer)
    return "" if is_fine else "write a tuple of whole numbers, such as (9, 9); one axis is (9,), no axis is ()"


def form_tensor(answer: Any) -> str:
    """A number, or lists of numbers nested as deep as the tensor has axes, all rows equally long."""

    def shape(part: Any) -> Any:
        if not isinstance(part, (list, tuple)):
            return () if isinstance(part, (bool, int, float)) and abs(part) < 1e300 else None
        shapes = {shape(item) for item in part}
        inner = shapes.pop() if shapes else ()
        return None if shapes or inner is None else (len(part), *inner)

    is_fine = shape(answer) is not None
    return "" if is_fine else "write numbers in nested lists with rows of equal length, such as [[9, 9], [9, 9]]"


def form_dtype(answer: Any) -> str:
    """The name of a dtype of torch."""
    known = "float16 bfloat16 float32 float64 half float double complex64 complex128 "
    known += "uint8 int8 int16 int32 int64 short int long bool"
    is_fine = isinstance(answer, str) and answer.strip().removeprefix("torch.") in known.split()
    return "" if is_fine else 'write a dtype of torch by its name in quotes, such as "int8", or as torch.int8'


def form_device(answer: Any) -> str:
    """The name of a device."""
    kind, colon, number = answer.strip().partition(":") if isinstance(answer, str) else ("", "", "")
    is_fine = kind in ("cpu", "cuda") and (not colon or (number.isascii() and number.isdigit()))
    return "" if is_fine else 'write a device by its name in quotes, such as "cuda:9"'


def form_text(answer: Any) -> str:
    """A text that is not empty."""
    is_fine = isinstance(answer, str) and answer.strip() != "" and len(answer) <= 2000
    return "" if is_fine else "write a text in quotes"


def form_printed(answer: Any) -> str:
    """What is printed, line by line."""
    is_fine = isinstance(answer, str) and len(answer) <= 20_000
    return "" if is_fine else 'write what is printed in quotes; several lines in triple quotes, """like this"""'


def form_formula(answer: Any, *variables: str) -> str:
    """A function, or a formula in quotes."""
    arguments = ", ".join(variables)
    wanted = f"write a function such as `lambda {arguments}: 9 * {variables[0]}`, or a formula in quotes"
    if not isinstance(answer, str):
        return "" if callable(answer) else wanted
    try:
        compile(answer.strip(), "formula", "eval")
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return f"{wanted}, in Python: `*` between factors, `**` for powers"
    return "power is `**` in Python, not `^`" if "^" in answer else ""


def form_order(answer: Any, letters: str) -> str:
    """Some or all of the letters, in order, none twice."""
    is_fine = isinstance(answer, (str, list, tuple)) and len(answer) > 0
    is_fine = is_fine and all(isinstance(one, str) and len(one) == 1 and one.lower() in letters for one in answer)
    is_fine = is_fine and len({one.lower() for one in answer}) == len(answer)
    wanted = f"write letters from {letters[0]} to {letters[-1]} in quotes, in your order, none twice"
    return "" if is_fine else f'{wanted}, such as "{letters[:2]}"'


def form_match(answer: Any, letters: str, count: int) -> str:
    """A number for letters."""
    is_fine = isinstance(answer, dict) and len(answer) > 0
    is_fine = is_fine and all(isinstance(key, str) and len(key) == 1 and key.lower() in letters for key in answer)
    is_fine = is_fine and all(type(number) is int and 1 <= number <= count for number in answer.values())
    wanted = f'write a number from 1 to {count} for each letter, such as {{"{letters[0]}": 1, "{letters[1]}": 1}}'
    return "" if is_fine else wanted
