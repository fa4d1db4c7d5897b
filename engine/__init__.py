"""What the machine does: jobs, training, serving, retrieval, statistics, the /v1 API.

Knows no Streamlit and no DuckDB: folders and HTTP only. Imports nothing of ours from outside.
"""
