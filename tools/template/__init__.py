"""The template of `pulumi new`: a project generated from this repository's program, without packages and sample."""
