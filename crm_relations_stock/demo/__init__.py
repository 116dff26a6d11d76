from . import example_stock
