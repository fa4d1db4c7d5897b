"""What a run learns from: conversations, documents, pairs, and what an answer is paid."""
