"""How the starter model was made: its corpus, its tokenizer, its shape and the job."""
