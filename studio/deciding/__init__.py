"""What it cost and what it is worth: prices, figures, the report."""
