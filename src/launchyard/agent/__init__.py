"""What carries the launcher's protocol to and from another node. Standard library; Python 3.9 and later."""
