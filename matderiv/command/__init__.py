"""The command line: arguments in, text out, exit codes; every answer comes from `matderiv.api`."""
