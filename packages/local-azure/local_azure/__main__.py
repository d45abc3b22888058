"""Run the command line by `python -m local_azure`."""

import sys

from local_azure.cli.main import main

sys.exit(main())
