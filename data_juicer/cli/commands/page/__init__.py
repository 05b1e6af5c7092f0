"""Commands that make the page, a module each: NAME, HELP, add_arguments, run."""
