"""Networks in integer arithmetic, evaluated by NumPy, and the context models and codes of latents built from them.

`qimg.learning` trains and exports them; nothing here needs PyTorch. All results are the same for any size of a batch,
number of threads, precision and machine.
"""
