"""The whole job over real HTTP on this machine: `make demo`."""
