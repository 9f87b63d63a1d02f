"""The vocabulary: what a network is made of (model, load), how packets are steered
through it (labels, forwarding, switch) and, in ``replica/``, the running thing."""
