"""What people read: the student's feedback page, the tables and progress of the command line."""
