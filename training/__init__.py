"""GAN training in PyTorch: float, fully and partially binarized DCGANs on 64×64 faces."""
