"""From conversations to a tuned model: what a run would do, the loop, and what it leaves behind."""
