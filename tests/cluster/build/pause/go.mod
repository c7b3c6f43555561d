module backstop.dev/testbed/pause

go 1.21
