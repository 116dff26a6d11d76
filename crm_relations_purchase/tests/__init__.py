from . import test_purchase_relations
