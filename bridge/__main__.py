"""``python -m bridge`` is the ``callbridge`` command."""

import sys

from bridge.cli import main

sys.exit(main())
