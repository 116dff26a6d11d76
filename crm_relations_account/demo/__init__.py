from . import example_account
