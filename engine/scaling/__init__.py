"""Where one machine is outgrown: the queue on a Ray cluster, and one run over several of its nodes."""
