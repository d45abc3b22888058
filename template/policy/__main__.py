"""The policy pack: what every stack is judged by, with `pulumi preview --policy-pack policy`."""

import sys
from pathlib import Path

from pulumi_policy import PolicyPack

from azure_policies import RULES
from azure_policies.configuration import ConfigurationError, read_choices
from azure_policies.engine import initial_config, policies

try:
    choices = read_choices(Path(__file__).with_name("config.json"), RULES)
except ConfigurationError as error:
    sys.exit(f"error: {error}")

PolicyPack(name="django-aca", policies=policies(RULES), initial_config=initial_config(choices, RULES))
