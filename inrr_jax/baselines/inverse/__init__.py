"""Classical reconstructions: what a learned recovery from measurements through an operator has to beat."""
