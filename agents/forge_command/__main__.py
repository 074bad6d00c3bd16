"""`python -m forge_command` is `forge-arena`."""

from forge_command.app import main

main()
