"""What only a deployment needs, on the developer's machine: Google's management APIs, and plans for them."""
