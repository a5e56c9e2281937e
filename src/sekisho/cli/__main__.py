"""`python -m sekisho.cli`: how `up` starts its parts, whatever is on the path."""

from sekisho.cli import main

main()
