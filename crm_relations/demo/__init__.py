from . import example_company
