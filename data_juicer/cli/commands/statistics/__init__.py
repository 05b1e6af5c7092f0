"""Commands about what filters measured, a module each: NAME, HELP, add_arguments, run."""
