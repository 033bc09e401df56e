"""The interactive apps that came along, a plain directory each; docs/reference/apps.md describes them."""
