"""The command line: arguments in, text out, exit codes; answers come from `matderiv.doors`."""
