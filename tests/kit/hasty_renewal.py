"""`sekisho` in a hurry: run as `python -m tests.kit.hasty_renewal`, it renews after a sixtieth of a life.

With identities of a minute that is every second, and each is good for long when it is replaced: what a test
sees fail is then the change itself, and not a slow machine.
"""

from sekisho.cli import main
from sekisho.identity import rotation

if __name__ == "__main__":
    rotation.HALF, rotation.SPREAD = 1 / 60, 0.1 / 60
    main()
