"""The whole engine on virtual time: seeded faults, oracles, and a story for what they find."""
