"""The attacks and checks that come with sekisho: one module a technique, one light manifest."""
