"""The probes. These modules import torch: only a child process does, or a backend that trains anyway."""
