"""The subcommands of dj-jobs: one module each, with NAME, HELP, `add_arguments(parser)` and `run(arguments, output)`."""
