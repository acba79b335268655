"""What the REST routes and the pages share: who is asking, upload streams, rates, byte ranges."""
