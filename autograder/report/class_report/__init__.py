"""The class report: what an instructor reads about one assignment and about the course, and the same as tables.

Each section has its module, which turns results into plain values and knows nothing of HTML: `rates`, `mistakes`,
`clusters`, `items`, `fairness`, `similarity`, `progress`. `charts` draws, `tables` makes CSV and Parquet, `write` puts
all of it on the disk. The sources of checks, expected values and our tracebacks are in none of them.
"""
