"""nbgrader's view of this course: formgrader and the `nbgrader` commands read it in this folder.

Formgrader's pages would run the scripts in a student's notebook; `sanitised` takes them out.
"""

from pathlib import Path

from autograder.config import load_settings

root = Path(__file__).resolve().parent
settings = load_settings(root)

c = get_config()  # noqa: F821  (traitlets defines it)
c.CourseDirectory.root = str(root)
c.CourseDirectory.course_id = settings.course.id
c.CourseDirectory.db_url = settings.gradebook.url_from(root)
c.HTMLExporter.preprocessors = ["autograder.grading.formgrader_page.sanitised"]
