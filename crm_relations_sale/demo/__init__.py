from . import example_sale
