"""What `pulumi new` hands over: a project made from this repository's program, without its packages and its sample."""
