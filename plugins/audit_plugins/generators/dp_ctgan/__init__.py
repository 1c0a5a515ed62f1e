"""A conditional GAN for tables, trained with differential privacy.

Data flows one way: `cells` and `domain` say which values a column can have, `measuring` counts them with noise,
`encoding` turns rows into one-hot modes by those counts, `training` fits `networks` with DP-SGD, `model_files` keeps
what came of it. `noise` is the only source of noise, `meter` the only one that spends. `self_check` looks at all of it
before training starts.
"""
