"""The learned codec for photographs: a linear transform with overlapping functions, context models and restoration.

PyTorch is needed for training only. Encoding and decoding need NumPy, and decoding is integer arithmetic throughout.
"""
