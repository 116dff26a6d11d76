from . import test_sale_relations
