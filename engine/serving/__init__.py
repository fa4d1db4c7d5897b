"""Who answers and who asks, always over the chat protocol."""
