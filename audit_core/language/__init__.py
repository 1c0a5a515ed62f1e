"""Language models and the texts they are fine-tuned on: what they are, their case, their pass, their twins."""
