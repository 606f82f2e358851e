"""Verified preference data for complex instruction following, built by Evolutionary Contrastive Distillation."""
