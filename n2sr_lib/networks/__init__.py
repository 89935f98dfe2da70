"""Networks: (B, C, h, w) in, features or an image out; any size, nothing known of noise."""
