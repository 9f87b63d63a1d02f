"""One file per kind of fault: inject, proof, heal."""
