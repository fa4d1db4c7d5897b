"""What the team keeps: the domain on DuckDB, plain Python. Streamlit only under studio/ui/."""
