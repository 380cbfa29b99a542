"""The student side, which runs what students wrote, and its supervisor in the grader."""
