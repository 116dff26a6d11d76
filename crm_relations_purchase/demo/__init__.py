from . import example_purchase
