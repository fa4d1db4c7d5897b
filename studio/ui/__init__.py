"""The studio's shell: what all pages share. The only place beside pages/ that knows Streamlit."""
