"""`python -m lit_gans` is `lit-gans`."""

import sys

from lit_gans.cli import main

sys.exit(main())
