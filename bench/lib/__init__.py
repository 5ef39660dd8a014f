"""What `./dev bench` measures with: servers and load on their cores, peers, tables, the plot."""
