"""Questions about tensor trains: pictures, operators and distributions in few numbers."""
