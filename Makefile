# make demo   a class of made-up students graded end to end
# make test   what CI runs: style, types, tests, release/, the checks of the first assignment and of the quizzes
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
export OMP_NUM_THREADS := 1
export PATH := $(CURDIR)/$(BIN):$(PATH)

.PHONY: help install demo test quick lint types unit browser check verify redteam redteam-quick killrun fuzz release bench bench-pages constraints clean

help:
	@sed -n 's/^# make/make/p' Makefile

# torch first: on Linux another version, or another order, would fetch gigabytes of CUDA libraries
$(VENV)/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check torch==2.13.0
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	@touch $@

install: $(VENV)/installed

demo: install
	$(BIN)/grader demo

test: lint types unit check

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: install
	$(BIN)/mypy

unit: install
	$(BIN)/python -m pytest -n 2 --dist loadfile --durations=15 -m "not long and not browser and not redteam"

# make browser   the released quiz in JupyterLab, and pages of every assignment, in Chromium: a quarter of an hour; pictures in build/browser
browser: install
	$(BIN)/python -m pytest -m browser tests/release tests/report

# make quick   the tests that need no class: settings, course, release, layout, bad input
quick: install
	$(BIN)/python -m pytest -m "not browser" tests/test_config.py tests/test_course.py tests/test_layout.py tests/release \
	    tests/grading/test_bad_input.py tests/engine/test_syscalls.py tests/engine/test_wire.py

# make check   is release/ what would be built, and are the checks of the first assignment and the quizzes right?
check: install
	$(BIN)/grader release --check
	$(BIN)/grader verify softmax_regression tensor_quiz foundations_quiz training_quiz

# make verify   are all hidden checks right? References, mistakes, right styles and mutants of every assignment: long
verify: install
	$(BIN)/grader verify

# make redteam-quick   the attacks that end within seconds, here, and a grader that is killed and locked out: ten minutes
redteam-quick: install
	$(BIN)/python tests/redteam --quick --places $(if $(filter 0,$(shell id -u)),root,user)
	$(BIN)/python -m pytest -m redteam tests/redteam

# make redteam   every attack that we know, as root, as a user and as in a container: is it contained? A quarter of an hour
redteam: install
	$(BIN)/python tests/redteam

# make killrun   kill a batch at 200 moments: is anything lost or left behind?
killrun: install
	$(BIN)/python tests/redteam/killrun.py --kills 200

# make fuzz   forged messages, notebooks and settings, for minutes
fuzz: install
	FUZZ_EXAMPLES=20000 $(BIN)/python -m pytest tests/grading/test_fuzz.py tests/redteam/test_fuzz_inputs.py -q

# make release   build release/ anew
release: install
	$(BIN)/grader release

# make bench   seconds per submission against the bare limit and nbclient; memory over 200 submissions
bench: install
	$(BIN)/python benchmarks/one_submission.py --memory

# make bench-pages   seconds for the pages of 300 students and the class report
bench-pages: install
	$(BIN)/python benchmarks/pages.py

# make constraints   pin what is installed now
constraints: install
	@{ echo "# Versions that CI and 'make demo' use. Update: make constraints"; echo "torch==2.13.0"; \
	  $(BIN)/python -m pip freeze --exclude-editable | grep -v '^torch=='; } > constraints.new && mv constraints.new constraints.txt

clean:
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache
