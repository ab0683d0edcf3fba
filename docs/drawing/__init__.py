"""Pictures of both architectures and pretraining flows, drawn from the real models."""
