"""Question banks of other systems: to Canvas, Moodle XML and GIFT, and from GIFT to stubs of quiz.py.

items: a variant in the words of such systems; kinds: from our kinds to them; bank: what goes and what stays; markup:
Markdown and HTML; gift, moodle, canvas: the writers; read_gift, stubs: the way back; write: the files.
"""

from autograder.quiz.export.bank import Bank, Refused, bank_of
from autograder.quiz.export.items import Item, Target
from autograder.quiz.export.write import read_questions, write_bank, write_stubs

__all__ = ["Bank", "Item", "Refused", "Target", "bank_of", "read_questions", "write_bank", "write_stubs"]
