"""How columns come into a release that is made here, besides what a generator learns of them."""
