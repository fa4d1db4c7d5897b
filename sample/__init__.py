"""The sample project: one fictional company, Fernwick, as plain files. README.md says what each of them is."""
