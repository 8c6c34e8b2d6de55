"""Optimal Brain Surgeon saliency, harmful minus benign, as a scorer of modelrepair."""
